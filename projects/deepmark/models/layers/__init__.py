# SPDX-License-Identifier: Apache-2.0
"""Layers that several parts of a model are made of."""

from deepmark.models.layers.deform_conv import DeformConv

__all__ = ['DeformConv']

# SPDX-License-Identifier: Apache-2.0
"""Detectors."""

from deepmark.models.detectors.deepmark import DeepMark

__all__ = ['DeepMark']

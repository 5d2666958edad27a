# SPDX-License-Identifier: Apache-2.0
"""What the scripts do, as functions: train, test, predict, demo."""

from deepmark.apis.inferencer import DeepMarkInferencer

__all__ = ['DeepMarkInferencer']

# SPDX-License-Identifier: Apache-2.0
"""Official figures for boxes and landmarks, from any detector's predictions."""

from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.metric import DeepFashion2Metric
from deepmark.evaluation.normalized_error import NormalizedError

__all__ = ['DeepFashion2Metric', 'NormalizedError', 'evaluate']

# SPDX-License-Identifier: Apache-2.0
"""Reading DeepFashion2 and turning photos with annotations into network input."""

from deepmark.datasets import transforms
from deepmark.datasets.deepfashion2 import DeepFashion2Dataset
from deepmark.datasets.deepfashion2_topdown import DeepFashion2TopDownDataset
from deepmark.datasets.fashion_landmark import FashionLandmarkDataset
from deepmark.datasets.problems import DatasetError, Kind, Problem, Problems

__all__ = [
    'DatasetError',
    'DeepFashion2Dataset',
    'DeepFashion2TopDownDataset',
    'FashionLandmarkDataset',
    'Kind',
    'Problem',
    'Problems',
    'transforms',
]

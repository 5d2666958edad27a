# SPDX-License-Identifier: Apache-2.0
"""Pictures of garments with their boxes and landmarks."""

from deepmark.visualization.contact_sheet import ContactRow, contact_sheet
from deepmark.visualization.garment_drawing import GarmentSet, draw_garments
from deepmark.visualization.landmark_visualizer import LandmarkVisualizer

__all__ = ['ContactRow', 'GarmentSet', 'LandmarkVisualizer', 'contact_sheet', 'draw_garments']

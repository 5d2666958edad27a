# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a set of detections, beyond the official figures."""

from deepmark.evaluation.diagnosis.diagnosis import Diagnosis, diagnose

__all__ = ['Diagnosis', 'diagnose']

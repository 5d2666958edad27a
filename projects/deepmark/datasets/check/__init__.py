# SPDX-License-Identifier: Apache-2.0
"""Checking a data set before it is trained on, and counting what it holds."""

from deepmark.datasets.check.check_source import CheckReport, check_source
from deepmark.datasets.check.report import print_report, write_report
from deepmark.datasets.check.statistics import Statistics, statistics_of

__all__ = [
    'CheckReport',
    'Statistics',
    'check_source',
    'print_report',
    'statistics_of',
    'write_report',
]

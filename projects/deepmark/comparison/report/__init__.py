# SPDX-License-Identifier: Apache-2.0
"""The report of a comparison: Markdown, CSV and pictures."""

from deepmark.comparison.report.write import write_report

__all__ = ['write_report']

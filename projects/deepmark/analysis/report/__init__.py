# SPDX-License-Identifier: Apache-2.0
"""One HTML page about a results file: figures, plots, kinds of errors, worst images."""

from deepmark.analysis.report.make_report import make_report

__all__ = ['make_report']

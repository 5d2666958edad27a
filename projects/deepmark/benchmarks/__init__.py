# SPDX-License-Identifier: Apache-2.0
"""What the tools ``bench_*.py`` measure, each beside the usual way of doing it."""

# SPDX-License-Identifier: Apache-2.0
"""Models side by side on the same data, by the same metric, under the same budget.

``runs`` trains and tests, ``measurements`` times and counts, ``results`` is what is known of each
model in between, ``report`` writes tables and plots. None of them knows a particular model.
"""

# SPDX-License-Identifier: Apache-2.0
"""Parts of the results page: the plan, the papers' figures, the sections."""

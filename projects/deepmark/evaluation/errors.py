# SPDX-License-Identifier: Apache-2.0
"""The error of truth and results that cannot be evaluated."""


class EvaluationError(ValueError):
    """Truth or results that cannot be evaluated; the message names file, key and fix."""

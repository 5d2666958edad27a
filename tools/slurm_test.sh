#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Test on a Slurm cluster, one task a GPU; environment as for slurm_train.sh.
#   tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [switches of tools/test.py]
set -euo pipefail
# shellcheck source=tools/launch_env.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_env.sh"

require_arguments "$0 PARTITION JOB_NAME CONFIG CHECKPOINT [switches of tools/test.py]" 4 $#
launch_slurm "$1" "$2" "$TOOLS/test.py" "$3" "$4" "${@:5}"

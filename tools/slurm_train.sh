#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Train on a Slurm cluster, one task a GPU.
#   [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] [PORT=...] [GRES=gpu:8] \
#       tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [switches of tools/train.py]
set -euo pipefail
# shellcheck source=tools/launch_env.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_env.sh"

require_arguments "$0 PARTITION JOB_NAME CONFIG WORK_DIR [switches of tools/train.py]" 4 $#
launch_slurm "$1" "$2" "$TOOLS/train.py" "$3" --work-dir="$4" "${@:5}"

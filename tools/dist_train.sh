#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Train with several processes: one a GPU, or, without GPUs, that many on the CPU.
#   tools/dist_train.sh CONFIG PROCESSES [switches of tools/train.py]
# Several machines: run it on each with NNODES, NODE_RANK, MASTER_ADDR and PORT set.
# PORT is free to choose; on one machine a free one is found when it is not set.
set -euo pipefail
# shellcheck source=tools/launch_env.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_env.sh"

require_arguments "$0 CONFIG PROCESSES [switches of tools/train.py]" 2 $#
require_count PROCESSES "$2"
launch "$2" "$TOOLS/train.py" "$1" "${@:3}"

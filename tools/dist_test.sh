#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Test with several processes: one a GPU, or, without GPUs, that many on the CPU.
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [switches of tools/test.py]
# Environment as for dist_train.sh.
set -euo pipefail
# shellcheck source=tools/launch_env.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_env.sh"

require_arguments "$0 CONFIG CHECKPOINT PROCESSES [switches of tools/test.py]" 3 $#
require_count PROCESSES "$3"
launch "$3" "$TOOLS/test.py" "$1" "$2" "${@:4}"

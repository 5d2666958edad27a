#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the dist_*.sh and slurm_*.sh scripts share; they source it.
#   TOOLS   this folder, absolute, so that the scripts work from any folder
#   PYTHON  the interpreter: $PYTHON if set, else that of an activated virtualenv, else the .venv
#           that `make` sets up in the repository, else the first python on the PATH

TOOLS=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

pick_python() {
    if [[ -n ${PYTHON:-} ]]; then
        echo "$PYTHON"
    elif [[ -z ${VIRTUAL_ENV:-} && -x $TOOLS/../.venv/bin/python ]]; then
        echo "$TOOLS/../.venv/bin/python"
    else
        echo python
    fi
}

# Print a port that is free now, so that two runs on one machine do not meet.
free_port() {
    "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Stop with the script's usage unless at least $2 arguments were given ($3 is their number).
require_arguments() {
    if (($3 < $2)); then
        echo "usage: $1" >&2
        exit 2
    fi
}

# Stop unless $2, which the usage calls $1, is a positive number.
require_count() {
    if [[ ! $2 =~ ^[1-9][0-9]*$ ]]; then
        echo "error: $1 is '$2', expected a positive number" >&2
        exit 2
    fi
}

# Replace this shell by torch's launcher: launch PROCESSES SCRIPT ARGUMENTS...
# The process id stays, so that a signal to the script reaches the launcher and its workers.
launch() {
    local processes=$1
    shift
    local nodes=${NNODES:-1}
    local port=${PORT:-}
    if [[ -z $port ]]; then
        # The nodes of one run must agree on the port: only a single node may choose.
        if [[ $nodes == 1 ]]; then port=$(free_port); else port=29500; fi
    fi
    exec "$PYTHON" -m torch.distributed.run \
        --nnodes="$nodes" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="$port" \
        --nproc_per_node="$processes" \
        "$@" --launcher pytorch
}

# Replace this shell by srun: launch_slurm PARTITION JOB_NAME SCRIPT ARGUMENTS...
launch_slurm() {
    local partition=$1 job_name=$2
    shift 2
    local gpus=${GPUS:-8}
    local gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    local -a resources=(
        --ntasks="$gpus"
        --ntasks-per-node="$gpus_per_node"
        --cpus-per-task="${CPUS_PER_TASK:-5}"
    )
    # GRES= (set, but empty) asks for no GPU: a run on the CPU of the nodes.
    local gres=${GRES-gpu:$gpus_per_node}
    if [[ -n $gres ]]; then resources+=(--gres="$gres"); fi
    # SRUN_ARGS holds several words, as in mmdet's scripts.
    local -a extra=()
    if [[ -n ${SRUN_ARGS:-} ]]; then read -r -a extra <<<"$SRUN_ARGS"; fi
    # All tasks get the port by the environment; jobs that share a node must not share it.
    export MASTER_PORT=${PORT:-${MASTER_PORT:-$((20000 + RANDOM % 20000))}}
    set -x
    exec srun --partition="$partition" --job-name="$job_name" "${resources[@]}" \
        --kill-on-bad-exit=1 ${extra[@]+"${extra[@]}"} \
        "$PYTHON" -u "$@" --launcher slurm
}

PYTHON=$(pick_python)
# A clone that is not installed works as well.
export PYTHONPATH=$TOOLS/../projects${PYTHONPATH:+:$PYTHONPATH}

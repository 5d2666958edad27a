# SPDX-License-Identifier: Apache-2.0
"""Run the garment benchmark: the commands of docs/results/benchmark.json, one after the other.

``make benchmark`` runs all of them; ``python tools/run_benchmark.py headline`` runs one. Interrupt
it when you like: the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepmark.apis.command_line import run_tool
from deepmark.comparison.benchmark_commands import run_benchmark

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the commands, and return the exit code."""
    parser = argparse.ArgumentParser(description='Run the commands of docs/results/benchmark.json.')
    parser.add_argument('names', nargs='*', metavar='NAME', help='of the commands (default: all)')
    args = parser.parse_args()
    return run_tool(lambda: run_benchmark(ROOT, args.names))


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env bash
# Installs what is missing, then lints and tests. Options go to pytest (-n 0: in one process);
# `bash tools/install.sh --help` lists the variables of the installation.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bash "$root/tools/install.sh" --tests
venv=$(cd "${TSJNET_MM_VENV:-$root/.venv}" && pwd)
cd "$root"

lint=0
"$venv/bin/python" -m ruff check . || lint=$?
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} \
    "$venv/bin/python" -m pytest --numprocesses logical --maxprocesses 4 "$@"
exit "$lint"

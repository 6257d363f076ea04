#!/usr/bin/env bash
# Installs what is missing, then runs the main job. Options go to tools/quickstart.py;
# `bash tools/install.sh --help` lists the variables of the installation.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bash "$root/tools/install.sh"
venv=$(cd "${TSJNET_MM_VENV:-$root/.venv}" && pwd)
cd "$root"
exec "$venv/bin/python" tools/quickstart.py "$@"

#!/usr/bin/env bash
# Makes the environment and hands over to tools/installer, which installs into it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    cat <<'HELP'
Usage: bash tools/install.sh [--tests]

Installs the tested stack and this package into .venv. Run it again at any time: it skips
what is there and repairs what an interruption left.

  --tests             also what the tests need
  -h, --help          this text

Variables:
  PYTHON              the Python (>= 3.10) that .venv is made with
  TSJNET_MM_VENV      an existing environment to use instead of .venv. Only what is missing
                      is added to it; versions that it has stay.
  MMCV_FIND_LINKS     folder or URL of prebuilt onedl-mmcv wheels, which saves the build
  MAX_JOBS            compilers at once while building mmcv
  FORCE_CUDA          1: build mmcv's CUDA ops on a machine without a GPU (needs nvcc)
HELP
}

fail() {
    printf 'install: %s\n' "$@" >&2
    exit 1
}

options=()
for argument in "$@"; do
    case $argument in
        --tests) options+=(--tests) ;;
        -h | --help) usage && exit ;;
        *) usage >&2 && fail "unknown option $argument" ;;
    esac
done

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        recent_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python >= 3.10."
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python3.14 python; do
        if recent_enough "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "no Python >= 3.10 found; python3 is: $(python3 --version 2>&1 || true)" \
        'Install one (apt-get install python3 python3-venv python3-dev) or name it: PYTHON=/path/to/python3'
}

make_environment() {
    local python
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments." \
            'Install its venv module: apt-get install python3-venv'
    if [[ -e $1 ]] && ! recent_enough "$1/bin/python"; then
        echo "install: $1 does not run; making it again"
        rm -rf "$1"
    fi
    echo "install: making $1 with $("$python" --version)"
    "$python" -m venv "$1"
}

venv=${TSJNET_MM_VENV:-$root/.venv}
if [[ -n ${TSJNET_MM_VENV:-} ]]; then
    [[ -x $venv/bin/python ]] ||
        fail "TSJNET_MM_VENV=$venv is not an environment: it has no bin/python."
    recent_enough "$venv/bin/python" ||
        fail "TSJNET_MM_VENV=$venv has $("$venv/bin/python" --version 2>&1); Python >= 3.10 is needed."
    options+=(--keep)
fi

mkdir -p "$root/.cache"
if command -v flock >/dev/null; then
    # Children inherit the lock: it also outlives a killed parent until its pip has ended.
    exec 9>"$root/.cache/install.lock"
    flock -n 9 || { echo 'install: another installation is running; waiting for it' && flock 9; }
fi

# bin/activate is the last file that venv writes.
if [[ -z ${TSJNET_MM_VENV:-} ]] &&
    { [[ ! -f $venv/bin/activate ]] || ! recent_enough "$venv/bin/python"; }; then
    make_environment "$venv"
fi

exec "$venv/bin/python" "$root/tools/installer" ${options[@]+"${options[@]}"}

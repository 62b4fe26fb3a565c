#!/bin/sh
# requirements.txt for Azure's remote build: the production packages of uv.lock, and nothing else.
#
#   export_requirements.sh           write it
#   export_requirements.sh --check   fail when it is not what uv.lock says
set -eu
cd "$(dirname "$0")/.."

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
{
    echo "# Written by scripts/export_requirements.sh from uv.lock."
    .venv/bin/uv export --quiet --frozen --no-dev --no-emit-project --no-hashes --no-annotate --no-header
} >"$fresh"

if [ "${1:-}" = --check ]; then
    cmp -s "$fresh" requirements.txt || {
        echo "requirements.txt is not what uv.lock says; run: make generate" >&2
        exit 1
    }
else
    cp "$fresh" requirements.txt
fi

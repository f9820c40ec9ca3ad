#!/bin/sh
# All tests, the fast ones first. They make network namespaces, mounts and users of their own, so they run as root.
set -eu
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
    echo "the tests need root for network namespaces and mounts; asking sudo"
    exec sudo env "HOME=$HOME" "PATH=$PATH" PYTHONDONTWRITEBYTECODE=1 ${XDG_STATE_HOME:+"XDG_STATE_HOME=$XDG_STATE_HOME"} "$0"
fi
# A folder of our own: what an earlier, interrupted run left in the common one cannot get in the way.
work=$(mktemp -d /tmp/fleet-test.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
.venv/bin/python -m pytest -q -p no:cacheprovider --basetemp="$work/fast" -m "not lab and not virt"
.venv/bin/python -m pytest -q -p no:cacheprovider --basetemp="$work/real" -m "lab or virt"

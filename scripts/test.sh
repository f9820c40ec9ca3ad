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
mkdir -p /run/fleet

# The lock by which two runs keep out of one another's way on this machine is each stream's own.
tests() {
    name=$1
    shift
    unshare --mount sh -c 'mount -t tmpfs tmpfs /run/fleet; exec "$@"' sh \
        .venv/bin/python -m pytest -q -p no:cacheprovider --basetemp="$work/$name" --durations=15 "$@"
}

tests fast -m "not lab and not virt"
echo "tests against real hosts and, beside them, against real guests"
# A file at a time, each with hypervisors of its own: what one does to them is not met by the next. 5: there was none in that file.
guests() {
    ended=0
    for file in tests/virt/test_*.py; do
        tests guests -m guests "$file" || { [ $? = 5 ] || ended=1; }
    done
    return $ended
}
guests >"$work/guests.log" 2>&1 &
guests=$!
failed=0
tests hosts -m "(lab or virt) and not guests" || failed=1
wait $guests || failed=1
cat "$work/guests.log"
exit $failed

#!/bin/sh
# The practice hosts that `fleet lab up` started.
exec "$(dirname "$0")/../.venv/bin/fleet" lab inventory "$@"

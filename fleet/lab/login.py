"""A person's way into a lab host: a shell there, or one command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
from fabric import Connection


def login(host: dict[str, Any], key: Path, known_hosts: Path, command: str | None, pty: bool) -> int:
    """Run a command on a lab host, or a shell where there is none, on this terminal; its exit status. host: as Lab.status has it.

    Host keys are checked against the lab's own. Raises paramiko.SSHException and OSError when the host cannot be reached.
    """
    with Connection(host["address"], user=host["user"], port=host["port"], connect_kwargs={"key_filename": str(key), "allow_agent": False}) as connection:
        connection.client.load_host_keys(str(known_hosts))
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        if command is None:
            return int(connection.shell().exited)
        return int(connection.run(command, pty=pty, warn=True, in_stream=None if pty else False).exited)

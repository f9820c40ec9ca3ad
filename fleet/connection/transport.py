"""paramiko's transport, waiting for fewer answers: where a host is far away, each wait is a round trip of every connection.

It reaches into paramiko; tests/connection/test_trips.py counts the round trips, so that a paramiko which does it otherwise is noticed.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from fleet.connection import lean  # noqa: F401  # isort: skip
import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import cMSG_CHANNEL_REQUEST

# Servers known to take a login that comes right behind the request for the service, and key types whose signature needs nothing of their answer.
_SERVERS = re.compile(r"SSH-2\.0-(OpenSSH|dropbear)")
_KEYS = re.compile(r"ssh-ed25519|ecdsa-sha2-")


class Transport(paramiko.Transport):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gate = threading.Lock()
        self._begun = False  # some channel was asked for
        self._numbered = threading.Event()
        self._numbered.set()

    def auth_publickey(self, username: str, key: paramiko.PKey, event: Any = None) -> list[str]:
        """As paramiko's; with one round trip where two are not needed."""
        if event is not None or not _SERVERS.match(self.remote_version) or not _KEYS.match(key.get_name()):
            return list(super().auth_publickey(username, key, event))
        if not self.is_active() or not self.initial_kex_done:
            raise paramiko.SSHException("No existing session")
        answered = threading.Event()
        self.auth_handler = _Eager(self)
        self.auth_handler.auth_publickey(username, key, answered)
        return list(self.auth_handler.wait_for_response(answered))

    def run_command(self, command: bytes, timeout: float) -> paramiko.Channel:
        """A channel on which a command was started. Whether it could be shows in what comes: a refused one ends at once.

        The first channel of a connection has the number 0 on these servers, so the command need not wait to be told.
        """
        with self._gate:
            eager, self._begun = not self._begun and bool(_SERVERS.match(self.remote_version)), True
            if eager:
                self._numbered.clear()
        if not eager:
            channel = self.open_session(timeout=timeout)
            channel._wait_for_event = lambda: None  # type: ignore[attr-defined]
            channel.exec_command(command)
            return channel
        self._behind = paramiko.Message()
        self._behind.add_byte(cMSG_CHANNEL_REQUEST)
        self._behind.add_int(0)
        self._behind.add_string("exec")
        self._behind.add_boolean(False)
        self._behind.add_string(command)
        try:
            return super().open_channel("session", timeout=timeout)
        except paramiko.SSHException:
            if self._ended is None:
                raise
            return self._ended  # the command was through before we were told of its channel
        finally:
            self._numbered.set()

    def open_channel(self, *args: Any, **options: Any) -> paramiko.Channel:
        """As paramiko's; not while the first channel gets its number, which its command relies on."""
        with self._gate:
            self._begun = True
        self._numbered.wait()
        return super().open_channel(*args, **options)

    _behind: paramiko.Message | None = None
    _ended: paramiko.Channel | None = None

    def _unlink_channel(self, chanid: int) -> None:
        self._ended = self._channels.get(chanid)  # type: ignore[attr-defined]
        super()._unlink_channel(chanid)  # type: ignore[misc]

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]
        behind, self._behind = self._behind, None
        if behind is not None:
            super()._send_user_message(behind)  # type: ignore[misc]


class _Eager(AuthHandler):
    """Sends the login with the request for the service to log in with."""

    def _request_auth(self) -> None:
        super()._request_auth()  # type: ignore[misc]
        accepted = paramiko.Message()
        accepted.add_string("ssh-userauth")
        accepted.rewind()
        super()._parse_service_accept(accepted)  # type: ignore[misc]

    def _parse_service_accept(self, m: paramiko.Message) -> None:
        """The login is out already."""

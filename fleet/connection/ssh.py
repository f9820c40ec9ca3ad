"""SSH by paramiko: one authenticated transport a host."""

from __future__ import annotations

import logging
import os
import time
from functools import lru_cache
from typing import Any

from fleet.connection import lean  # noqa: F401  # isort: skip
import paramiko

from fleet.connection import hostkeys, payload
from fleet.connection.base import Endpoint
from fleet.connection.dial import Way
from fleet.connection.local import STDERR
from fleet.connection.transport import Transport
from fleet.errors import AuthenticationFailed, ConnectionFailed, FleetError

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # its thread logs tracebacks of what we report ourselves
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_KEX = ("curve25519-sha256@libssh.org", "curve25519-sha256")
KEEPALIVE = 10  # seconds between signs of life


def through(way: Way, via: paramiko.Transport | None) -> Any:
    """The way to a server that is not reached directly, as what paramiko takes for a socket. Raises ConnectionFailed."""
    try:
        if via is not None:
            return via.open_channel("direct-tcpip", (way.address, way.port), ("127.0.0.1", 0), timeout=way.endpoint.timeout)
        return paramiko.ProxyCommand(str(way.command).replace("%h", way.address).replace("%p", str(way.port)).replace("%r", way.user))
    except (OSError, paramiko.SSHException) as error:
        raise ConnectionFailed(f"cannot connect to {way.address} port {way.port}: {getattr(error, 'strerror', None) or error}",
                               host=way.endpoint.name) from None


def login(way: Way, sock: Any) -> Transport:
    """An authenticated transport over an open socket. Raises ConnectionFailed and its kinds."""
    endpoint = way.endpoint
    transport = Transport(sock, default_window_size=8 * 1024 * 1024, default_max_packet_size=65536)
    try:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = max(endpoint.timeout, 10)
        options = transport.get_security_options()
        options.ciphers = _preferred(_CIPHERS, options.ciphers)
        options.kex = _preferred(_KEX, options.kex)
        entry, paths = hostkeys.entry(way.address, way.port), hostkeys.files(way.known_hosts)
        options.key_types = _preferred(_types(hostkeys.known(entry, paths)), options.key_types)
        transport.start_client(timeout=max(endpoint.timeout, 10))
        hostkeys.check(entry, endpoint.name, transport.get_remote_server_key(), paths, way.host_keys)
        _authenticate(transport, way)
        transport.set_keepalive(KEEPALIVE)
    except FleetError:
        transport.close()
        raise
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise ConnectionFailed(f"cannot connect to {way}: {str(error) or type(error).__name__}", host=endpoint.name) from None
    return transport


def _preferred(wanted: Any, have: Any) -> tuple[str, ...]:
    first = [name for name in wanted if name in have]
    return (*first, *(name for name in have if name not in first))


def _types(keys: dict[str, Any]) -> list[str]:
    found = list(keys)
    return [*found, "rsa-sha2-512", "rsa-sha2-256"] if "ssh-rsa" in found else found or ["ssh-ed25519"]


def _authenticate(transport: paramiko.Transport, way: Way) -> None:
    endpoint = way.endpoint
    tried: list[str] = []
    for label, key in _keys(way, tried):
        try:
            transport.auth_publickey(way.user, key)
            return
        except paramiko.BadAuthenticationType:
            break
        except paramiko.AuthenticationException:
            tried.append(label)
        if not transport.is_active():
            break
    if endpoint.password is not None and transport.is_active():
        try:
            transport.auth_password(way.user, endpoint.password.reveal())
            return
        except paramiko.BadAuthenticationType as error:
            tried.append(f"password (the server takes {', '.join(error.allowed_types)})")
        except paramiko.AuthenticationException:
            tried.append("password")
    raise AuthenticationFailed(f"{way} refused to let us in" + (f"; tried {', '.join(tried)}" if tried else "; there was no key or password to try"),
                               host=endpoint.name, hint="check ansible_user, and ansible_ssh_private_key_file or the SSH agent")


def _keys(way: Way, tried: list[str]) -> Any:
    for path in way.keys:
        if not os.path.exists(path):
            if path in map(os.path.expanduser, way.endpoint.key_files):
                tried.append(f"{path} (no such file)")
            continue
        try:
            yield path, _key(path, os.stat(path).st_mtime_ns, way.endpoint.passphrase.reveal() if way.endpoint.passphrase is not None else None)
        except paramiko.PasswordRequiredException:
            tried.append(f"{path} (it has a passphrase)")
        except (paramiko.SSHException, ValueError, OSError) as error:
            tried.append(f"{path} ({error})")
    if way.agent and os.environ.get("SSH_AUTH_SOCK"):
        for key in paramiko.Agent().get_keys():
            yield "a key of the agent", key


@lru_cache(64)
def _key(path: str, stamp: int, passphrase: str | None) -> paramiko.PKey:
    """A private key; read once for all hosts."""
    certificate = f"{path}-cert.pub"
    errors: list[Exception] = []
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key_file(path, passphrase)
            if os.path.exists(certificate):
                key.load_certificate(certificate)
            return key
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError) as error:
            errors.append(error)
    raise errors[0]


class ChannelStream:
    """The bytes of a command run over a transport."""

    def __init__(self, transport: Transport, command: str) -> None:
        self._channel = transport.run_command(command.encode(), timeout=30)

    def read(self) -> bytes:
        return self._channel.recv(262144)

    def write(self, data: bytes) -> None:
        self._channel.sendall(data)

    def stderr(self) -> str:
        said = b""
        self._channel.settimeout(1)
        try:
            while data := self._channel.recv_stderr(65536):
                said = (said + data)[-STDERR:]
        except (OSError, EOFError):
            pass
        return said.decode("utf-8", "replace")

    def close(self) -> None:
        """Tell the runner that no more comes; the transport is closed by its owner."""
        try:
            self._channel.shutdown_write()
        except (OSError, EOFError):
            pass


def open_stream(transport: Transport, endpoint: Endpoint) -> ChannelStream:
    try:
        return ChannelStream(transport, payload.login_command(endpoint.python))
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise ConnectionFailed(f"the host opened no session: {error}", host=endpoint.name) from None


def raw(transport: paramiko.Transport, command: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a command without any Python. Returns status, stdout, stderr (each bounded to 8 MiB)."""
    channel = transport.open_session(timeout=30)
    channel.exec_command(command.encode("utf-8", "surrogateescape"))
    if data:
        channel.sendall(data)
    channel.shutdown_write()
    out, err = bytearray(), bytearray()
    while not (channel.exit_status_ready() and not channel.recv_ready() and not channel.recv_stderr_ready()):
        if channel.recv_ready():
            out += channel.recv(65536)
        elif channel.recv_stderr_ready():
            err += channel.recv_stderr(65536)
        elif not transport.is_active():
            raise ConnectionFailed("the connection was lost")
        else:
            time.sleep(0.005)
        del out[8 << 20:], err[8 << 20:]
    status = channel.recv_exit_status()
    channel.close()
    return status, bytes(out), bytes(err)

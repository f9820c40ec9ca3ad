"""SSH by paramiko: one authenticated transport a host."""

from __future__ import annotations

import getpass
import logging
import os
import random
import re
import socket
import time
from functools import lru_cache
from typing import Any

from fleet.connection import lean  # noqa: F401  # isort: skip
import paramiko

from fleet.connection import hostkeys, payload, sshconfig
from fleet.connection.base import Endpoint
from fleet.connection.local import STDERR
from fleet.connection.transport import Transport
from fleet.errors import AuthenticationFailed, ConnectionFailed, FleetError, HostKeyFailed

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # its thread logs tracebacks of what we report ourselves
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_KEX = ("curve25519-sha256@libssh.org", "curve25519-sha256")
_NAME = re.compile(r"[^\s\0-\x1f;$`|&<>'\"\\-][^\s\0-\x1f;$`|&<>'\"\\]*")
KEEPALIVE, SILENCE = 10, 15  # seconds between signs of life; seconds without any acknowledgement after which the kernel gives a connection up
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


class Way:
    """Where and how to connect: the endpoint's own values above the SSH configuration's."""

    def __init__(self, endpoint: Endpoint) -> None:
        options = dict(endpoint.options)
        self.endpoint = endpoint
        asked = endpoint.address or endpoint.name
        config = sshconfig.lookup(options.get("configfile", endpoint.config), asked)
        self.address = str(options.get("hostname") or config.get("hostname") or asked)
        self.port = int(endpoint.port or options.get("port") or config.get("port") or 22)
        self.user = str(endpoint.user or options.get("user") or config.get("user") or getpass.getuser())
        for text in (self.address, self.user):
            if not _NAME.fullmatch(text):
                raise ConnectionFailed(f"'{text}' is not the name of a host or user", host=endpoint.name)
        self.jump = options.get("proxyjump") or config.get("proxyjump")
        self.command = options.get("proxycommand") or config.get("proxycommand")
        only = str(options.get("identitiesonly") or config.get("identitiesonly") or "no").lower() == "yes"
        named = [*endpoint.key_files, *([options["identityfile"]] if "identityfile" in options else []), *config.get("identityfile", [])]
        self.keys = [os.path.expanduser(name) for name in named] or [os.path.expanduser(f"~/.ssh/{name}") for name in _DEFAULT_KEYS]
        self.agent = not (only or endpoint.key_files)
        strict = str(config.get("stricthostkeychecking", "")).lower()
        policy = {"no": "off", "off": "off", "accept-new": "accept-new"}.get(strict, endpoint.host_keys)
        self.host_keys = endpoint.host_keys if endpoint.host_keys != "strict" else policy
        self.known_hosts = endpoint.known_hosts or tuple(str(config.get("userknownhostsfile", "")).split())

    def __str__(self) -> str:
        return f"{self.user}@{self.address}" + (f":{self.port}" if self.port != 22 else "")


def connect(endpoint: Endpoint, via: paramiko.Transport | None) -> Transport:
    """An authenticated transport; tries again as endpoint.retries says. Raises ConnectionFailed and its kinds."""
    way = Way(endpoint)
    for attempt in range(endpoint.retries + 3):
        try:
            return _connect(way, via)
        except (HostKeyFailed, AuthenticationFailed):
            raise
        except ConnectionFailed as error:
            # A full sshd (MaxStartups) resets connections under load: always worth two more tries; other faults as told.
            busy = "banner" in error.message or "reset" in error.message
            if attempt >= (max(endpoint.retries, 2) if busy else endpoint.retries):
                raise
            time.sleep(min(0.2 * 2 ** attempt, 5) * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def _connect(way: Way, via: paramiko.Transport | None) -> Transport:
    endpoint = way.endpoint
    sock = _socket(way, via)
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


def _socket(way: Way, via: paramiko.Transport | None) -> Any:
    endpoint = way.endpoint
    try:
        if via is not None:
            return via.open_channel("direct-tcpip", (way.address, way.port), ("127.0.0.1", 0), timeout=endpoint.timeout)
        if way.command and way.command != "none":
            command = way.command.replace("%h", way.address).replace("%p", str(way.port)).replace("%r", way.user)
            return paramiko.ProxyCommand(command)
        sock = socket.create_connection((way.address, way.port), timeout=endpoint.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
        sock.settimeout(None)
        return sock
    except socket.gaierror as error:
        raise ConnectionFailed(f"the name {way.address} cannot be resolved: {error.strerror}", host=endpoint.name) from None
    except TimeoutError:
        raise ConnectionFailed(f"{way.address} port {way.port} did not answer within {endpoint.timeout:g} s", host=endpoint.name) from None
    except (OSError, paramiko.SSHException) as error:
        raise ConnectionFailed(f"cannot connect to {way.address} port {way.port}: {getattr(error, 'strerror', None) or error}", host=endpoint.name,
                               hint="is sshd running there?" if isinstance(error, ConnectionRefusedError) else "") from None


def jumps(endpoint: Endpoint) -> list[Endpoint]:
    """The hosts a ProxyJump names, as endpoints, nearest to us first."""
    way = Way(endpoint)
    found: list[Endpoint] = []
    for text in str(way.jump).split(",") if way.jump and way.jump != "none" else ():
        user, _, place = text.strip().rpartition("@")
        address, _, port = place.partition(":")
        found.append(Endpoint(address, "ssh", address, int(port) if port else None, user or None, host_keys=endpoint.host_keys,
                              known_hosts=endpoint.known_hosts, config=dict(endpoint.options).get("configfile", endpoint.config), timeout=endpoint.timeout,
                              key_files=endpoint.key_files, via=found[-1] if found else None))
    return found


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

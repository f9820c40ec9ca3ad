"""Where and how to connect, and the way to the SSH server: it greets us while the SSH client is loaded, which happens here only where it is needed."""

from __future__ import annotations

import getpass
import os
import random
import re
import socket
import time
from typing import TYPE_CHECKING, Any

from fleet.connection import sshconfig
from fleet.connection.base import Endpoint
from fleet.errors import AuthenticationFailed, ConnectionFailed, HostKeyFailed

if TYPE_CHECKING:
    from fleet.connection.transport import Transport

_NAME = re.compile(r"[^\s\0-\x1f;$`|&<>'\"\\-][^\s\0-\x1f;$`|&<>'\"\\]*")
SILENCE = 15  # seconds without any acknowledgement after which the kernel gives a connection up
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


def connect(endpoint: Endpoint, via: Transport | None) -> Transport:
    """An authenticated transport; tries again as endpoint.retries says. Raises ConnectionFailed and its kinds."""
    way = Way(endpoint)
    for attempt in range(endpoint.retries + 3):
        try:
            return _login(way, _socket(way, via))
        except (HostKeyFailed, AuthenticationFailed):
            raise
        except ConnectionFailed as error:
            # A full sshd (MaxStartups) resets connections under load: always worth two more tries; other faults as told.
            busy = "banner" in error.message or "reset" in error.message
            if attempt >= (max(endpoint.retries, 2) if busy else endpoint.retries):
                raise
            time.sleep(min(0.2 * 2 ** attempt, 5) * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")


def _login(way: Way, sock: Any) -> Transport:
    from fleet.connection import ssh
    return ssh.login(way, sock)


def _socket(way: Way, via: Transport | None) -> Any:
    """What paramiko takes for a socket. Raises ConnectionFailed."""
    if via is None and (not way.command or way.command == "none"):
        return _direct(way)
    from fleet.connection import ssh
    return ssh.through(way, via)


def _direct(way: Way) -> socket.socket:
    endpoint = way.endpoint
    try:
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
    except OSError as error:
        raise ConnectionFailed(f"cannot connect to {way.address} port {way.port}: {error.strerror or error}", host=endpoint.name,
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

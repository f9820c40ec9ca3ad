"""The QEMU guest agent as a connection: a runner in a guest that needs neither a network nor an sshd.

The agent runs a command and gives its output when it has ended, which is no way to speak with a runner. So a virtio-serial channel is put into the
running guest, and the agent starts the runner on it; libvirt streams the channel's bytes, through the relay, like any other connection's. The
channel also ends the runner when the controller goes away: the guest reads an end of file. See docs/architecture.md for what was measured.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from fleet.connection import payload
from fleet.connection.base import Endpoint
from fleet.errors import ConnectionFailed, VirtError
from fleet.virt import qga
from fleet.virt.connect import Hypervisor
from fleet.virt.xml import add, attribute

CHANNEL = "fleet."
MANY = 8  # controllers at one guest at the same time
# The port by its name, without udev. One opener is allowed, so reading and writing are on one description.
_FIND = """n=0
while [ $n -lt 100 ]; do
    for port in /sys/class/virtio-ports/*; do
        [ "$(cat $port/name 2>/dev/null)" = NAME ] && [ -c /dev/${port##*/} ] && device=/dev/${port##*/}
    done
    [ -n "$device" ] && break
    sleep 0.1
    n=$((n+1))
done
[ -n "$device" ] || { echo "the channel NAME did not appear in the guest" >&2; exit 1; }
exec 0<>$device 1>&0
"""
LIMIT = 8 << 20  # bytes kept of a raw command's output


def opener(endpoint: Endpoint, transport: Any) -> Agent:
    """What fleet.connection.pool opens for endpoints of kind "guest". transport: of the SSH connection to the hypervisor, None where that is local."""
    return Agent(endpoint, transport)


class Agent:
    """A guest reached through its hypervisor's libvirt. Raises ConnectionFailed when there is no guest or its agent does not answer in time."""

    def __init__(self, endpoint: Endpoint, transport: Any) -> None:
        assert endpoint.via is not None and endpoint.guest is not None
        uri, self.guest = endpoint.guest
        self.endpoint = endpoint
        try:
            self.host = Hypervisor(endpoint.via, transport, uri)
        except VirtError as error:
            raise ConnectionFailed(error.message, host=endpoint.name, hint=error.hint) from None
        try:
            self.domain = self._domain()
            self._ready()
        except BaseException:
            self.host.close()
            raise
        self._channel: str | None = None

    def _domain(self) -> Any:
        domain = self.host.find("lookupByName", self.guest)
        if domain is None:
            raise ConnectionFailed(f"there is no guest {self.guest} on {self.host.name}", host=self.endpoint.name)
        if not domain.isActive():
            raise ConnectionFailed(f"the guest {self.guest} does not run", host=self.endpoint.name)
        return domain

    def _ready(self) -> None:
        end = time.monotonic() + self.endpoint.timeout
        while True:
            try:
                qga.sync(self.domain)
                return
            except VirtError as error:
                if time.monotonic() > end:
                    raise ConnectionFailed(f"the agent of the guest {self.guest} does not answer: {error.message}", host=self.endpoint.name,
                                           hint="is qemu-guest-agent installed there, and has the guest booted?") from None
            time.sleep(0.2)

    def ask(self, command: str, **arguments: Any) -> Any:
        """One command of the agent's protocol. Raises VirtError."""
        return qga.ask(self.domain, command, **arguments)

    # -- a runner

    def open(self) -> Stream:
        stream = self._connect()
        script = _FIND.replace("NAME", str(self._channel)) + payload.shell_command(self.endpoint.python)
        try:
            qga.sync(self.domain)
            done = self.ask("guest-exec", path="/bin/sh", arg=["-c", script], capture_output=True)
        except VirtError as error:
            raise ConnectionFailed(error.message, host=self.endpoint.name, hint=error.hint) from None
        return Stream(stream, lambda: self.ask("guest-exec-status", pid=done["pid"]))

    def _connect(self) -> Any:
        """A stream to a channel of ours that nobody else uses; put into the guest where there is none."""
        libvirt = self.host.libvirt
        there = {str(target.get("name")) for target in ET.fromstring(self.domain.XMLDesc(0)).iterfind("devices/channel/target")}
        for name in (f"{CHANNEL}{number}" for number in range(MANY)):
            try:
                if name in there:  # another controller's, or left by one that was killed, with bytes in it that nobody read
                    self._unused(name)
                self.domain.attachDeviceFlags(channel_xml(name), libvirt.VIR_DOMAIN_AFFECT_LIVE)
                stream = self.host.connection.newStream(0)
                self.domain.openChannel(name, stream, 0)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_OPERATION_FAILED and "Active console session" in error.get_error_message():
                    continue  # another controller's
                if "already exists" in error.get_error_message():
                    continue  # put in by another one just now
                raise ConnectionFailed(f"cannot put a channel into the guest {self.guest}: {error.get_error_message()}", host=self.endpoint.name) from None
            self._channel = name
            return stream
        raise ConnectionFailed(f"{MANY} controllers are at the guest {self.guest} already", host=self.endpoint.name)

    def _unused(self, name: str) -> None:
        """Take a channel out of the guest. libvirtError when somebody speaks on it."""
        stream = self.host.connection.newStream(0)
        self.domain.openChannel(name, stream, 0)
        stream.abort()
        self._detach(name)
        end = time.monotonic() + 5
        while name in self.domain.XMLDesc(0) and time.monotonic() < end:
            time.sleep(0.1)

    def _detach(self, name: str) -> None:
        for each in ET.fromstring(self.domain.XMLDesc(0)).iterfind("devices/channel"):
            if attribute(each, "target", "name") == name:
                self.domain.detachDeviceFlags(ET.tostring(each, encoding="unicode"), self.host.libvirt.VIR_DOMAIN_AFFECT_LIVE)

    # -- without a runner

    def raw(self, command: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command line by the agent alone: status, output, errors."""
        more = {"input_data": base64.b64encode(data).decode()} if data else {}
        qga.sync(self.domain)
        done = self.ask("guest-exec", path="/bin/sh", arg=["-c", command], capture_output=True, **more)
        pause = 0.01
        while not (status := self.ask("guest-exec-status", pid=done["pid"]))["exited"]:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        out, err = (base64.b64decode(status.get(name, ""))[:LIMIT] for name in ("out-data", "err-data"))
        return status.get("exitcode", 128 + status.get("signal", 0)), out, err

    def is_active(self) -> bool:
        try:
            return bool(self.domain.isActive())
        except self.host.libvirt.libvirtError:
            return False

    def close(self) -> None:
        if self._channel is not None:
            try:
                self._detach(self._channel)
            except self.host.libvirt.libvirtError:
                pass  # it goes when the guest is next started, and the next run uses it
        self.host.close()


class Stream:
    """The bytes of a channel (the Protocol of fleet.connection.link). status: asks the agent about the process at its other end.

    A channel does not say that the process has ended; so that is asked for, once a second.
    """

    def __init__(self, stream: Any, status: Callable[[], dict[str, Any]]) -> None:
        self._stream = stream
        self._status = status
        self._said = ""
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="fleet-agent", daemon=True).start()

    def _watch(self) -> None:
        while not self._over.wait(1):
            try:
                status = self._status()
            except VirtError:
                continue  # the agent is busy, or the connection is gone, which the reader learns as well
            if status["exited"]:
                self._said = base64.b64decode(status.get("err-data", "")).decode("utf-8", "replace")
                self.close()

    def read(self) -> bytes:
        try:
            data = self._stream.recv(262144)
        except Exception as error:
            if self._over.is_set():
                return b""
            raise EOFError(str(error)) from None
        return data if isinstance(data, bytes) else b""

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                sent = self._stream.send(bytes(view[:65536]))
            except Exception as error:
                raise EOFError(str(error)) from None
            if sent < 0:
                raise EOFError("the channel was closed")
            view = view[sent:]

    def stderr(self) -> str:
        return self._said

    def close(self) -> None:
        if not self._over.is_set():
            self._over.set()
            try:
                self._stream.abort()
            except Exception:
                pass  # the connection is gone


def channel_xml(name: str) -> str:
    root = ET.Element("channel", type="unix")
    add(root, "target", type="virtio", name=name)
    return ET.tostring(root, encoding="unicode")

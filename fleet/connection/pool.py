"""All connections of a run: one a machine, opened when first needed, with every user and container of it behind that one."""

from __future__ import annotations

import dataclasses
import getpass
import os
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from fleet.connection import local
from fleet.connection.base import Become, Endpoint, Reply, Request
from fleet.connection.link import Link, Step, Stream
from fleet.errors import BecomeFailed, ConnectionFailed, FleetError

Done = Callable[[Reply], None]
ALIVE = 90.0  # seconds after which a runner that heard nothing ends: its controller lost its power or its network, and the target is to be free


class Place(Protocol):
    """Where a runner can be started that is reached in a way of its own."""

    def open(self) -> Stream:
        """Start the first stage there. Raises ConnectionFailed."""

    def raw(self, command: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command line without a runner: status, output, errors."""

    def is_active(self) -> bool:
        """Whether it can still be asked."""

    def close(self) -> None: ...


Opener = Callable[[Endpoint, Any], Place]  # given the transport of the endpoint's `via` (None where that is local)


class Machine:
    """One machine's link and, for ssh, its transport, or else its place."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.transport: Any = None
        self.opened = threading.Event()  # the transport is there, or will not be
        self.stream: Any = None

    def alive(self) -> bool:
        return self.transport is not None and bool(self.transport.is_active())


class Pool:
    """The Connections of a run (see fleet.connection.base). forks: connections opened at the same time; run_id: names the run in a target's lock;
    lock_timeout: seconds to wait for another run to let go of a target, None to be there beside it; folder: where what runs on the controller itself
    starts; openers: for further kinds of endpoints, what opens their places."""

    def __init__(self, *, forks: int = 20, run_id: str = "", lock_timeout: float | None = 30.0, folder: str | None = None,
                 openers: Mapping[str, Opener] | None = None) -> None:
        self._folder = folder
        self._openers = openers or {}
        self._gate = threading.Semaphore(max(forks, 1))
        self._settings: dict[str, object] = {"context": 1, "run": run_id, "who": f"{getpass.getuser()}@{os.uname().nodename}", "lock": lock_timeout,
                                             "alive": ALIVE}
        self._machines: dict[Endpoint, Machine] = {}
        self._lock = threading.Lock()
        self._ways: dict[Endpoint, tuple[Endpoint, tuple[Step, ...]]] = {}

    # -- the Protocol

    def submit(self, endpoint: Endpoint, request: Request, done: Done) -> None:
        base, steps = self._way(endpoint)
        if request.module == "raw":
            if any(step[0] == "container" for step in steps):
                request = dataclasses.replace(request, module="shell", args={"cmd": request.args["_raw"], "executable": request.args.get("executable")})
            else:
                threading.Thread(target=self._raw, args=(base, steps, request, done), daemon=True).start()
                return
        self._machine(base).link.submit(steps, request, done)

    def resume(self, endpoint: Endpoint, stream: str) -> None:
        base, steps = self._way(endpoint)
        machine = self._present(base)
        if machine is not None:
            machine.link.resume(steps, stream)

    def cancel(self, endpoint: Endpoint) -> None:
        base, steps = self._way(endpoint)
        machine = self._present(base)
        if machine is not None:
            machine.link.cancel(steps)

    def reset(self, endpoint: Endpoint) -> None:
        base, _ = self._way(endpoint)
        with self._lock:
            machine = self._machines.pop(base, None)
        if machine is not None:
            self._end([machine])

    def close(self) -> None:
        with self._lock:
            machines, self._machines = list(self._machines.values()), {}
        self._end(machines)

    def transport(self, endpoint: Endpoint) -> Any:
        """The open paramiko Transport of an ssh endpoint, opened if need be (blocks); None for the controller itself. Raises ConnectionFailed."""
        base, _ = self._way(endpoint)
        if base.kind == "local":
            return None
        machine = self._machine(base, runner=False)
        machine.opened.wait()
        if machine.transport is None:
            raise machine.link.error or ConnectionFailed("there is no connection", host=endpoint.name)
        return machine.transport

    # -- how to get somewhere

    def _way(self, endpoint: Endpoint) -> tuple[Endpoint, tuple[Step, ...]]:
        """The machine an endpoint is on, and the steps from its login user on."""
        found = self._ways.get(endpoint)
        if found is None:
            base, steps = endpoint, cast("tuple[Step, ...]", ())
            if endpoint.kind == "container":
                assert endpoint.via is not None and endpoint.container is not None
                base, steps = self._way(endpoint.via)
                steps = (*steps, ("container", *endpoint.container))
            for become in endpoint.become:
                if become.user != self._user(base, steps):
                    steps = (*steps, ("become", become))
            found = self._ways[endpoint] = (dataclasses.replace(base, become=()), steps)
        return found

    def _user(self, base: Endpoint, steps: tuple[Step, ...]) -> str:
        if steps:
            return "root" if steps[-1][0] == "container" else steps[-1][1].user
        if base.kind in self._openers:
            return "root"
        return base.user or (getpass.getuser() if base.kind == "local" else "")

    def _machine(self, base: Endpoint, runner: bool = True) -> Machine:
        """The machine, connected to anew when it was lost. runner: its runner is needed, not the transport alone."""
        with self._lock:
            machine = self._machines.get(base)
            lost = machine
            if machine is None or (machine.link.error is not None and (runner or not machine.alive())):
                machine = self._machines[base] = Machine(Link(base.name, self._settings, base.python))
                threading.Thread(target=self._open, args=(base, machine), name=f"fleet-{base.name}", daemon=True).start()
        if lost is not None and lost is not machine and lost.transport is not None:
            lost.transport.close()
        return machine

    def _present(self, base: Endpoint) -> Machine | None:
        """The machine, if there is a connection to it or one on the way."""
        with self._lock:
            machine = self._machines.get(base)
        return machine if machine is not None and machine.link.error is None else None

    def _open(self, base: Endpoint, machine: Machine) -> None:
        """Connect and be the link's writer until it ends. Runs in a thread of its own."""
        try:
            with self._gate:
                machine.stream = self._stream(base, machine)
        except FleetError as error:
            error.host = base.name
            machine.opened.set()
            machine.link.fail(error)
            return
        except Exception as error:
            machine.opened.set()
            machine.link.fail(ConnectionFailed(f"cannot connect: {error}", host=base.name))
            return
        machine.opened.set()
        if machine.link.error is not None:  # closed while it was being opened
            machine.stream.close()
            if machine.transport is not None:
                machine.transport.close()
            return
        machine.link.run(machine.stream)

    def _stream(self, base: Endpoint, machine: Machine) -> Any:
        if base.kind == "local":
            return local.open_stream(base, self._folder)
        if base.kind in self._openers:
            assert base.via is not None
            machine.transport = self._openers[base.kind](base, self._released(base.via))
            machine.opened.set()
            return machine.transport.open()
        from fleet.connection import dial
        via = None
        if base.via is not None:
            via = self._released(base.via)
        else:
            for jump in dial.jumps(base):
                via = self._released(jump)
        machine.transport = dial.connect(base, via)
        machine.opened.set()
        from fleet.connection import ssh
        return ssh.open_stream(machine.transport, base)

    def _released(self, endpoint: Endpoint) -> Any:
        """The transport of a host on the way; our own place among those connecting is free meanwhile, so that many guests cannot block their host."""
        self._gate.release()
        try:
            return self.transport(endpoint)
        finally:
            self._gate.acquire()

    # -- raw

    def _raw(self, base: Endpoint, steps: tuple[Step, ...], request: Request, done: Done) -> None:
        try:
            command, data = _wrapped(str(request.args["_raw"]), request.args.get("executable"), steps)
            if base.kind == "local":
                code, out, err = local.raw(command, self._folder)
            elif base.kind in self._openers:
                code, out, err = self._transport_only(base).raw(command, data)
            else:
                from fleet.connection import ssh
                code, out, err = ssh.raw(self._transport_only(base), command, data)
        except FleetError as error:
            done(Reply(error=error))
            return
        except Exception as error:
            done(Reply(error=ConnectionFailed(f"the connection was lost: {error}", host=base.name), unknown=True))
            return
        result: dict[str, Any] = {"rc": code, "stdout": out.decode("utf-8", "replace"), "stderr": err.decode("utf-8", "replace"), "changed": True}
        if code:
            result.update(failed=True, msg="non-zero return code")
        done(Reply(result=result))

    def _transport_only(self, base: Endpoint) -> Any:
        """A transport for raw, which must work where the runner cannot start."""
        machine = self._machine(base, runner=False)
        machine.opened.wait()
        if machine.transport is None:
            raise machine.link.error or ConnectionFailed("there is no connection", host=base.name)
        return machine.transport

    # -- the end

    def _end(self, machines: list[Machine]) -> None:
        for machine in machines:
            machine.link.close()
        limit = time.monotonic() + 3
        for machine in machines:
            if machine.transport is not None:
                machine.transport.close()
            elif machine.stream is not None:
                machine.stream.wait(max(limit - time.monotonic(), 0))


def _wrapped(command: str, executable: str | None, steps: tuple[Step, ...]) -> tuple[str, bytes]:
    """A raw command inside what makes it another user's, and what to write to its input."""
    if executable:
        command = f"{shlex.quote(executable)} -c {shlex.quote(command)}"
    data = b""
    for step in steps:
        become: Become = step[1]
        inner = f"/bin/sh -c {shlex.quote(command)}"
        if become.method == "sudo":
            asks = "-S -p ''" if become.password is not None else "-n"
            command = f"{become.exe or 'sudo'} {' '.join(map(shlex.quote, become.flags or ('-H',)))} {asks} -u {shlex.quote(become.user)} -- {inner}"
            data = become.password.reveal().encode() + b"\n" if become.password is not None else b""
        elif become.method == "su":
            command = f"{become.exe or 'su'} {shlex.quote(become.user)} -s /bin/sh -c {shlex.quote(command)}"
            data = become.password.reveal().encode() + b"\n" if become.password is not None else b""
        else:
            raise BecomeFailed(f"raw cannot become another user by {become.method}", hint="use sudo or su")
    return command, data

"""Faults where they hurt: just before or just after the N-th thing that a run does to libvirt, or has done by a command on the hypervisor."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import TracebackType
from typing import Any

import libvirtmod

from fleet.engine.call import ActionCall

CHANGING = re.compile(r"vir\w*(Define|Undefine|Create|Delete|Destroy|Resize|Upload|StreamFinish|Attach|Detach|Update|Set|Pin|Save|Restore|"
                      r"Revert|BlockCommit|JobAbort|BackupBegin|Migrate|Suspend|Resume|Shutdown|AgentCommand)\w*")
LOOKS = re.compile(r"\w*(Get|List|Lookup|NumOf|Has|Free|Ref|Connect(Set|Register)|XMLDesc)\w*")


class Breaking:
    """With it, `fault` is called at step `at`. late: after the step was done, and its answer is lost; else before, and it is not done. Only libvirt's
    own steps can be late. steps: the names of those there were."""

    def __init__(self, at: int, fault: Callable[[], Any], late: bool = False) -> None:
        self.at, self.fault, self.late = at, fault, late
        self.steps: list[str] = []
        self._real: dict[str, Any] = {}
        self._module: Any = None

    @property
    def struck(self) -> bool:
        return len(self.steps) >= self.at

    def _hit(self, name: str) -> bool:
        self.steps.append(name)
        return len(self.steps) == self.at

    def _wrapped(self, name: str, real: Any) -> Any:
        def step(*args: Any) -> Any:
            if self._hit(name):
                if self.late:
                    real(*args)
                self.fault()
            return real(*args)  # on a connection that is gone now: libvirt's own error
        return step

    def __enter__(self) -> Breaking:
        for name in dir(libvirtmod):
            if CHANGING.fullmatch(name) and not LOOKS.fullmatch(name):
                self._real[name] = getattr(libvirtmod, name)
                setattr(libvirtmod, name, self._wrapped(name, self._real[name]))
        self._module = real = ActionCall.module

        def module(call: ActionCall, name: str, args: Any, **options: Any) -> Any:
            argv = args.get("argv", ())
            changes = name in ("copy", "file") or (name == "command" and not any("info" in word or "echo" in word for word in argv[1:3]))
            if changes and self._hit(" ".join([name, *argv[:2]])):
                self.fault()
            return real(call, name, args, **options)

        ActionCall.module = module  # type: ignore[method-assign]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name, real in self._real.items():
            setattr(libvirtmod, name, real)
        ActionCall.module = self._module  # type: ignore[method-assign]

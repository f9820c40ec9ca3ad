"""Hosts that are not there: connections that answer as runners would, at once and in this process.

For what is about the engine and not about a target: how a playbook behaves with a thousand hosts, what it sends, what it does when one fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleet import registry
from fleet.connection.base import Endpoint, Reply, Request
from fleet.runner.spec import Ret

Answer = Callable[[Endpoint, Request], "dict[str, Any]"]
_EMPTY: dict[str, Any] = {"str": "", "path": "", "int": 0, "float": 0.0, "bool": False, "list": [], "dict": {}, "bytes": 0, "bits": 0}
FACTS = {"distribution": "Debian", "distribution_major_version": "12", "os_family": "Debian", "system": "Linux", "architecture": "x86_64",
         "service_mgr": "systemd", "pkg_mgr": "apt", "user_id": "root", "python_version": "3.11.2"}


def plausible(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    """What a target in the wanted state says: nothing changed, and every field that the module returns without failing, empty of its type."""
    if request.module == "setup":
        facts = {**FACTS, "hostname": endpoint.name, "nodename": endpoint.name, "fqdn": endpoint.name}
        return {"changed": False, "ansible_facts": {f"ansible_{name}": value for name, value in facts.items()}}
    returns = registry.spec(request.module).returns if not request.module.startswith("_") else {}
    found = {name: _empty(ret) for name, ret in returns.items() if "fail" not in ret.returned}
    for name in ("dest", "path"):
        if request.args.get(name) is not None:
            found[name] = request.args[name]
    return {**found, "changed": False}


def _empty(ret: Ret) -> Any:
    value = _EMPTY.get(ret.type)
    return type(value)() if value is not None else None


class Simulated:
    """The Connections of a run (fleet.connection.base) whose targets are a function.

    answer(endpoint, request): the module's result; `plausible` unless given. record: keep every request in `requests`, as (host, request).
    A guarded request that fails has those behind it on its stream answered as aborted, until `resume`.
    """

    def __init__(self, answer: Answer = plausible, record: bool = False) -> None:
        self.answer = answer
        self.record = record
        self.requests: list[tuple[str, Request]] = []
        self.count = 0
        self._failed: set[tuple[Endpoint, str]] = set()

    def submit(self, endpoint: Endpoint, request: Request, done: Callable[[Reply], None]) -> None:
        self.count += 1
        if self.record:
            self.requests.append((endpoint.name, request))
        if request.guard and (endpoint, request.stream) in self._failed:
            done(Reply(result={"aborted": True, "failed": False, "changed": False, "skipped": True}))
            return
        result = self.answer(endpoint, request)
        if request.guard and result.get("failed"):
            self._failed.add((endpoint, request.stream))
        done(Reply(result=result))

    def resume(self, endpoint: Endpoint, stream: str) -> None:
        self._failed.discard((endpoint, stream))

    def cancel(self, endpoint: Endpoint) -> None:
        pass

    def reset(self, endpoint: Endpoint) -> None:
        pass

    def transport(self, endpoint: Endpoint) -> None:
        return None

    def close(self) -> None:
        pass

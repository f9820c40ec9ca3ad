"""Controller side: what a module needs here. One file an action, `run(call)`; see docs/architecture.md.

A result is a dict as a module returns it. Some keys mean something to the engine and are how an action changes a run's state:
`ansible_facts` (dict: set as facts or variables), `add_host` ({"name", "vars", "groups"}), `add_group` (a name, with `parent_groups`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from fleet.connection.base import Endpoint
from fleet.events import HostStats, Subscriber, TaskResult
from fleet.model import Play, Task
from fleet.playbook import Static
from fleet.runner.module import Args
from fleet.yamlfile import Decrypt

T = TypeVar("T")


class Call(Protocol):
    """One execution of an action for one host (and one loop item).

    args: validated, templated. vars: the host's variables, templated when read. check, diff: the mode in force for this task.
    endpoint: where it would take effect (after delegation and become).
    """

    host: str
    args: Args
    task: Task
    vars: Mapping[str, Any]
    check: bool
    diff: bool
    endpoint: Endpoint
    environment: dict[str, str]

    @property
    def templar(self) -> Any:
        """The run's fleet.template.Templar."""

    @property
    def decrypt(self) -> Decrypt:
        """Decrypts vault text of a YAML file, as fleet.yamlfile.read takes it."""

    def module(self, name: str, args: Mapping[str, Any], *, blob: bytes | Path | None = None, sink: BinaryIO | None = None,
               check: bool | None = None, last: bool = False) -> dict[str, Any]:
        """Run a target-side module there and return its result (with failed=True when it failed). args: validated by its spec first.
        last: the action sends nothing after this, so the next task of a pipelined play may follow at once."""

    def attempt(self, name: str, args: Mapping[str, Any], seconds: float) -> dict[str, Any] | str:
        """The same where the target may be out of reach: its result, or in words why it could not be reached. seconds: the module's limit."""

    def disconnect(self) -> None:
        """Close the connection to the target; the next module opens a new one."""

    def blocking(self, function: Callable[..., T], *args: Any) -> T:
        """Run something slow or blocking in the worker pool; other hosts go on meanwhile."""

    def from_worker(self, function: Callable[[], T]) -> T:
        """The way back for a function given to `blocking`: another one that calls modules; its value."""

    def sleep(self, seconds: float) -> None:
        """Wait without keeping other hosts from going on, and without a worker."""

    def find(self, kind: str, name: str) -> Path:
        """The controller file a task names: kind "files", "templates", "vars" or "tasks", searched in the role, then beside the task's
        file, then beside the playbook. Raises ArgumentError listing where it was looked for."""

    def render(self, value: Any, extra: Mapping[str, Any] | None = None) -> Any:
        """Template a trusted value with the host's variables and `extra` above them."""

    def render_text(self, text: str, extra: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Template a whole text (a template file's content), always to a str. options: newline_sequence, trim_blocks ..., and `name` for errors."""

    def elsewhere(self, endpoint: Endpoint, action: str, args: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
        """Run another module, with its controller side, at another place."""

    def at(self, host: str) -> Call:
        """The same call at another host of the inventory."""

    def apply(self, plays: Sequence[Play], host: str, values: Mapping[str, Any], groups: Sequence[str], note: str = "",
              environment: Mapping[str, str] | None = None, extra_vars: Mapping[str, Any] | None = None) -> tuple[HostStats, TaskResult | None]:
        """Apply plays within this task to one more host, which the run's other plays do not see; values: its variables, connection included.
        Its counts, and the result that ended it early or None. note: a line for people; environment: added to all its tasks'; extra_vars: in place
        of the run's."""

    def watched(self, subscriber: Subscriber) -> AbstractContextManager[None]:
        """Have the run's events given to a subscriber as well, for a while."""

    def vars_of(self, host: str, groups: Sequence[str]) -> dict[str, Any]:
        """The inventory's variables, as written, for a host that would be in these groups."""

    @property
    def connections(self) -> Any:
        """The run's fleet.connection.base.Connections; `transport(endpoint)` is the open SSH connection to a machine."""

    @property
    def static(self) -> Static:
        """How to load more of the playbook."""

    @property
    def extra_vars(self) -> Mapping[str, Any]:
        """The variables of -e."""

    @property
    def shared(self) -> dict[str, Any]:
        """What actions keep for the whole run."""

    def warn(self, text: str) -> None: ...

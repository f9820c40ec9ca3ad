"""Pages made from declarations: the settings and the events."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

from fleet import events
from fleet.report.docs import cell
from fleet.settings import DECLARED

_KINDS = {"hostkeys": "str", "tables": "tables", "paths": "list of paths", "list": "list"}
_SETTINGS = """# Settings

Made from `fleet/settings.py` by `make docs`. Later sources win:

1. the defaults
2. `ansible.cfg`: the file that `ANSIBLE_CONFIG` names, or `./ansible.cfg` (not from a directory that everyone can write to), or `~/.ansible.cfg`
3. `fleet.toml` beside the playbook or in a directory above it, or `[tool.fleet]` in a `pyproject.toml` there
4. `ANSIBLE_*` environment variables
5. `FLEET_*` environment variables: `FLEET_` and the setting's name in capitals
6. options of the command line

Paths are relative to the file in which they stand. A setting that does not exist is an error with its place. Fleet's own state (the journal, locks, the lab)
is in `$XDG_STATE_HOME/fleet`, by default `~/.local/state/fleet`.

```toml
# fleet.toml
inventory = ["inventory"]
forks = 50
host_key_checking = "accept-new"
```

| setting | type, default | meaning | also from |
|---|---|---|---|
"""
_EVENTS = """# Events

Made from `fleet/events.py` by `make docs`. `fleet apply --format json` prints one event a line: `{"event": NAME, ...}` with the fields below. The screen, the
journal and reconciliation are made from the same stream; a program of yours takes it line by line, or as a subscriber in Python:

```python
from fleet.api import run_playbook
from fleet.events import TaskResult
from fleet.options import RunOptions
from fleet.settings import load_settings

def on_event(event):
    if isinstance(event, TaskResult) and event.status == "failed":
        print(event.host, event.name, event.result["msg"])

run_playbook(["site.yml"], RunOptions(), load_settings(), check=False, command="apply", subscribers=[on_event])
```

"""


def settings() -> str:
    """docs/settings.md."""
    rows = []
    for name, declared in DECLARED.items():
        meta = declared.metadata
        default: Any = declared.default_factory() if declared.default_factory is not dataclasses.MISSING else declared.default
        default = "~/.local/state/fleet/journal.sqlite" if name == "journal" else default
        shown = [] if default in (None, []) else [f"`{json.dumps(each)}`" for each in (default if isinstance(default, list) else [default])]
        section, _, key = meta["ini"].partition("/")
        also = [f"`{meta['env']}`"] if meta["env"] else []
        also += [f"`[{section}] {key}`"] if key else []
        choices = f" One of {', '.join(f'`{each}`' for each in meta['choices'])}." if meta["choices"] else ""
        kind = ", ".join([_KINDS.get(meta["kind"], meta["kind"]), *shown])
        rows.append(f"| `{name}` | {cell(kind)} | {cell(meta['doc'])}{choices} | {'<br>'.join(also)} |")
    return _SETTINGS + "\n".join(rows) + "\n"


def _kinds() -> list[type[Any]]:
    return [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event]


def event_page() -> str:
    """docs/events.md."""
    text = inspect.getdoc(events) or ""
    lines = [_EVENTS + text.partition("\n\n")[2], "", f"The statuses of a task: {', '.join(f'`{status}`' for status in events.STATUSES)}. Every event has `at`, "
             "when it happened."]
    for kind in [*_kinds(), events.HostStats]:
        lines += ["", f"## {kind.__name__}", "", inspect.getdoc(kind) or "", "", "| field | type | default |", "|---|---|---|"]
        lines += [f"| `{each.name}` | {cell(each.type)} | {_default(each)} |" for each in dataclasses.fields(kind) if each.name != "at"]
    return "\n".join(lines) + "\n"


def _default(each: dataclasses.Field[Any]) -> str:
    if each.default_factory is not dataclasses.MISSING:
        return "empty"
    return "" if each.default is dataclasses.MISSING else f"`{json.dumps(each.default)}`"

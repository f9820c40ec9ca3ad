"""The `[[reconcile]]` entries of fleet.toml, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleet.errors import Pos, SourceError, UsageError, nearest
from fleet.reconcile.schedule import Schedule
from fleet.settings import Settings

MODES = ("report", "repair")
# key -> what it takes (text, texts = text or a list of it, table), and what it means
KEYS = {
    "name": ("text", "What to call the entry: letters, digits, `-`, `_`, `.`; it names the systemd units too."),
    "playbook": ("texts", "Playbook, or a list of them, by paths relative to fleet.toml."),
    "mode": ("text", "`report` (the default): look, change nothing. `repair`: apply."),
    "every": ("text", "How often: `90s`, `15m`, `1h` (the default), `1d`, `1w`."),
    "at": ("text", "A time of the day (`\"03:30\"`) or of the week (`\"Sun 03:30\"`) in place of `every`."),
    "inventory": ("texts", "Inventory sources; those of the settings by default."),
    "limit": ("text", "Only these hosts."),
    "tags": ("texts", "Only tasks with these tags."),
    "skip_tags": ("texts", "Not tasks with these tags."),
    "extra_vars": ("table", "Variables above all others."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; paths are absolute, extra_vars are as -e takes them."""

    name: str
    playbooks: tuple[str, ...]
    mode: str
    schedule: Schedule
    inventory: tuple[str, ...] = ()
    limit: str | None = None
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    extra_vars: tuple[str, ...] = ()


def entries(settings: Settings) -> list[Entry]:
    """All entries of the settings. Raises SourceError with the file and line of what is wrong."""
    found: list[Entry] = []
    for number, table in enumerate(settings.reconcile):
        reader = _Reader(settings, number)
        entry = reader.entry(table)
        if any(entry.name == other.name for other in found):
            raise reader.wrong("name", f"two entries have the name '{entry.name}'")
        found.append(entry)
    return found


def select(found: list[Entry], names: Iterable[str], settings: Settings) -> list[Entry]:
    """The entries of these names, all without any. Raises UsageError."""
    if not found:
        where = settings.project_file or "fleet.toml"
        raise UsageError("there is nothing to reconcile", hint=f"write a [[reconcile]] entry with name and playbook into {where}; see docs/reconcile.md")
    known = {entry.name: entry for entry in found}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no entry '{name}'", hint=nearest(name, known) or f"there are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] or found


class _Reader:
    def __init__(self, settings: Settings, number: int) -> None:
        self.settings = settings
        self.number = number

    def wrong(self, key: str | None, message: str, hint: str = "") -> SourceError:
        return SourceError(message, pos=position(self.settings.project_file, self.number, key), hint=hint)

    def entry(self, table: Any) -> Entry:
        if not isinstance(table, Mapping):
            raise self.wrong(None, "an entry of reconcile is a table", "write [[reconcile]] above its keys")
        for key in table:
            if key not in KEYS:
                raise self.wrong(key, f"an entry of reconcile has no key '{key}'", nearest(key, KEYS) or f"it has {', '.join(KEYS)}")
        for key in ("name", "playbook"):
            if not table.get(key):
                raise self.wrong(None, f"an entry of reconcile needs '{key}'")
        name, mode = self.text(table, "name"), self.text(table, "mode") or "report"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name or ""):
            raise self.wrong("name", f"'{name}' cannot name an entry", "use letters, digits, '-', '_' and '.'")
        if mode not in MODES:
            raise self.wrong("mode", f"the mode is {' or '.join(MODES)}, not '{mode}'", nearest(mode, MODES))
        try:
            schedule = Schedule.read(self.text(table, "every"), self.text(table, "at"))
        except ValueError as error:
            raise self.wrong("at" if "at" in table else "every", str(error)) from None
        base = Path(self.settings.project)
        playbooks = tuple(str(base / Path(each).expanduser()) for each in self.texts(table, "playbook"))
        inventory = tuple(each if each.endswith(",") else str(base / Path(each).expanduser()) for each in self.texts(table, "inventory"))
        return Entry(str(name), playbooks, mode, schedule, inventory, self.text(table, "limit"), self.texts(table, "tags"), self.texts(table, "skip_tags"),
                     self.variables(table))

    def text(self, table: Mapping[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, f"'{key}' takes text, not {json.dumps(value, default=str)}")
        return value

    def texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self.wrong(key, f"'{key}' takes text or a list of it, not {json.dumps(value, default=str)}")
        return tuple(found)

    def variables(self, table: Mapping[str, Any]) -> tuple[str, ...]:
        value = table.get("extra_vars", {})
        if not isinstance(value, Mapping):
            raise self.wrong("extra_vars", "'extra_vars' takes a table of variables", 'write extra_vars = {name = "value"}')
        return (json.dumps(value, default=str),) if value else ()


def position(path: str, number: int, key: str | None) -> Pos:
    """Where the entry of a number (from 0) stands in a TOML file, or one of its keys."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return Pos(path or "fleet.toml")
    seen, place = -1, 0
    for index, line in enumerate(lines, 1):
        text = line.strip()
        if re.match(r"\[\[\s*(tool\.fleet\.)?reconcile\s*\]\]", text):
            seen, place = seen + 1, index if seen + 1 == number else place
        elif text.startswith("[") and seen == number:
            break
        elif seen == number and key is not None and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*[=.]", text):
            return Pos(path, index, line.index(text) + 1)
        elif seen < 0 and not place and re.match(r"reconcile\s*=", text):
            place = index
    return Pos(path, place, 1) if place else Pos(path)

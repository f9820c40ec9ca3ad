"""Text from anywhere made fit for a terminal: escapes neutralized, values in a readable form, differences in colour."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from fleet.events import diff_parts

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Paint = Callable[[str, str], str]


def safe(text: Any) -> str:
    """Control characters shown, not obeyed; lone surrogates as escapes."""
    shown = _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", str(text).replace("\r\n", "\n"))
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, data: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _string)


def readable(value: Any) -> str:
    """Data as YAML, a string as itself."""
    if isinstance(value, str):
        return safe(value)
    try:
        plain = json.loads(json.dumps(value, default=str))
        return safe(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).rstrip().removesuffix("\n..."))
    except (TypeError, ValueError):
        return safe(value)


def differences(result: Mapping[str, Any], limit: int, paint: Paint) -> Iterator[str]:
    """The lines of a result's `diff`: unified differences of texts, one line for single values."""
    for part in diff_parts(result):
        what, path = safe(part.get("what") or ""), part.get("path") or part.get("before_header") or part.get("after_header")
        before, after = part.get("before"), part.get("after")
        if "prepared" in part:
            yield from safe(part["prepared"]).splitlines()
        elif any(isinstance(side, str) and "\n" in side for side in (before, after)):
            name = safe(path or what)
            lines = difflib.unified_diff(_lines(before), _lines(after), f"{name} (before)", f"{name} (after)", lineterm="")
            size = 0
            for line in lines:
                size += len(line)
                if size > limit:
                    yield paint("dim", f"... the rest of the difference is not shown (over {limit} bytes)")
                    break
                yield paint({"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "plain"), safe(line))
        else:
            left, right = _short(before), _short(after)
            name = f"{safe(path)}: {what}" if path and safe(path) not in what else what
            yield f"{paint('cyan', name)}: {paint('red', left)} → {paint('green', right)}" if name else f"{paint('red', left)} → {paint('green', right)}"


def _lines(value: Any) -> list[str]:
    return [] if value is None else (value if isinstance(value, str) else readable(value)).splitlines()


def _short(value: Any) -> str:
    if value is None:
        return "–"
    text = safe(value if isinstance(value, str) else json.dumps(value, default=str)).strip()
    return text if len(text) <= 200 else text[:200] + "…"

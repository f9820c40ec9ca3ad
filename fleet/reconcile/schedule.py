"""When an entry is due: every so often, or at a time of the day or week; and how systemd is told."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY, _WEEK = UNITS["d"], UNITS["w"]


def seconds(text: str) -> int:
    """"90s", "15m", "1h30m", "1d" in seconds. Raises ValueError."""
    parts = re.findall(r"(\d+)\s*(min|[smhdw])\s*", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != re.sub(r"\s", "", text):
        raise ValueError(f"'{text}' is no length of time; write 90s, 15m, 1h, 1d or 1w")
    total = sum(int(number) * UNITS[unit] for number, unit in parts)
    if not total:
        raise ValueError("it must be more than nothing")
    return total


def short(length: int) -> str:
    """A length of time as people write it: 90 is 1m30s."""
    parts = []
    for unit in ("w", "d", "h", "m", "s"):
        count, length = divmod(length, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Schedule:
    """every: seconds; at: minute of the day (local time), or None; weekday: 0 for Monday, or None."""

    every: int
    at: int | None = None
    weekday: int | None = None

    @classmethod
    def read(cls, every: str | None, at: str | None) -> Schedule:
        """From the texts of an entry. Raises ValueError."""
        if at is None:
            return cls(seconds(every or "1h"))
        match = re.fullmatch(r"(?:(\w{3})\s+)?([01]?\d|2[0-3]):([0-5]\d)", at.strip())
        if match is None or (match[1] and match[1].title() not in DAYS):
            raise ValueError(f"'{at}' is no time; write \"03:30\" or \"Sun 03:30\"")
        weekday = DAYS.index(match[1].title()) if match[1] else None
        fits = _DAY if weekday is None else _WEEK
        if every is not None and seconds(every) != fits:
            raise ValueError(f"`at` names a time of the {'day' if weekday is None else 'week'}; `every` is then {short(fits)}, or left out")
        return cls(fits, int(match[2]) * 60 + int(match[3]), weekday)

    def __str__(self) -> str:
        if self.at is None:
            return f"every {short(self.every)}"
        day = "daily" if self.weekday is None else DAYS[self.weekday]
        return f"{day} at {self.at // 60:02}:{self.at % 60:02}"

    def next(self, last: float | None, now: float) -> float:
        """When it is due next (seconds since the epoch), by when it began last; it was due already when that is before now."""
        if last is None:
            return now
        if self.at is None:
            return last + self.every
        then = time.localtime(last)
        for days in range(8):
            slot = time.mktime((then.tm_year, then.tm_mon, then.tm_mday + days, self.at // 60, self.at % 60, 0, 0, 0, -1))
            if slot > last and self.weekday in (None, time.localtime(slot).tm_wday):
                return slot
        return last + self.every

    @property
    def spread(self) -> int:
        """Seconds over which a fleet's controllers spread their runs: a tenth of the interval, a quarter of an hour at most."""
        return min(self.every // 10, 900)

    def timer(self) -> list[str]:
        """The lines of a systemd timer."""
        if self.at is None:
            when = [f"OnActiveSec={min(self.every, 60)}", f"OnUnitActiveSec={self.every}"]
        else:
            day = "" if self.weekday is None else DAYS[self.weekday] + " "
            when = [f"OnCalendar={day}*-*-* {self.at // 60:02}:{self.at % 60:02}:00", "Persistent=true"]
        return [*when, f"RandomizedDelaySec={self.spread}", "AccuracySec=1s"]

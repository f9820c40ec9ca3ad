"""Lengths and times, when an entry is due, and what systemd is told. Times of day are of this machine's time zone."""

from __future__ import annotations

import subprocess
import time

import pytest

from fleet.reconcile.schedule import Schedule, seconds, short


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("15m", 900), ("15min", 900), ("1h30m", 5400), ("1h 30m", 5400), ("1d", 86400), ("2w", 1209600)])
def test_lengths(text: str, length: int) -> None:
    assert seconds(text) == length and seconds(short(length)) == length


@pytest.mark.parametrize("text", ["", "h", "1", "1x", "-1h", "1h!", "1.5h", "0s"])
def test_no_lengths(text: str) -> None:
    with pytest.raises(ValueError):
        seconds(text)


def at(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


# 2026-03-04 is a Wednesday
@pytest.mark.parametrize(("every", "when", "last", "due"), [
    ("1h", None, "2026-03-04 10:10", "2026-03-04 11:10"),
    (None, None, "2026-03-04 10:10", "2026-03-04 11:10"),
    (None, "03:30", "2026-03-04 10:10", "2026-03-05 03:30"),
    ("1d", "23:30", "2026-03-04 10:10", "2026-03-04 23:30"),
    (None, "03:30", "2026-03-04 03:30", "2026-03-05 03:30"),
    (None, "03:30", "2026-12-31 12:00", "2027-01-01 03:30"),
    ("1w", "Sun 03:30", "2026-03-04 10:10", "2026-03-08 03:30"),
    (None, "wed 09:00", "2026-03-04 10:10", "2026-03-11 09:00"),
])
def test_next(every: str | None, when: str | None, last: str, due: str) -> None:
    schedule = Schedule.read(every, when)
    assert schedule.next(at(last), at(last)) == at(due)
    assert schedule.next(None, 5.0) == 5.0, "what never ran is due"


@pytest.mark.parametrize(("every", "when", "lines"), [
    ("10s", None, ["OnActiveSec=10", "OnUnitActiveSec=10", "RandomizedDelaySec=1"]),
    ("1d", None, ["OnActiveSec=60", "OnUnitActiveSec=86400", "RandomizedDelaySec=900"]),
    (None, "Sun 3:05", ["OnCalendar=Sun *-*-* 03:05:00", "Persistent=true"]),
])
def test_timer(every: str | None, when: str | None, lines: list[str]) -> None:
    found = Schedule.read(every, when).timer()
    assert set(lines) <= set(found)
    if when:
        calendar = next(line for line in found if line.startswith("OnCalendar=")).partition("=")[2]
        subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)

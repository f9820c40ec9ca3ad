"""What a person sees, as data: (events) -> the lines of the screen."""

from __future__ import annotations

import io
from typing import Any

import pytest

from fleet.events import Event, HostStats, Note, Output, PlayStarted, ResultItem, RunFinished, RunStarted, TaskResult, TaskStarted, diff_parts
from fleet.report.classic import Classic
from fleet.report.console import Console


def started(hosts: int = 1, name: str = "Page", action: str = "copy") -> list[Event]:
    names = [f"web{number}" for number in range(1, hosts + 1)]
    return [RunStarted(run="r1", command="apply", playbooks=["site.yml"], inventory=[]), PlayStarted(name="Site", hosts=names, position="site.yml:1"),
            TaskStarted(task=1, name=name, action=action, position="site.yml:3", hosts=hosts)]


def result(host: str = "web1", status: str = "ok", action: str = "copy", items: int = 0, **values: Any) -> TaskResult:
    return TaskResult(task=1, host=host, status=status, result=values, name="Page", action=action, position="site.yml:3", items=items)


def finished(status: int = 0, **stats: HostStats) -> RunFinished:
    return RunFinished(run="r1", status=status, duration=2.0, stats=stats)


def screen(events: list[Event], kind: Any = Console, **options: Any) -> list[str]:
    stream = io.StringIO()
    show = kind(stream, **options)
    for event in events:
        show(event)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


FILE_DIFF = {"before": {"path": "/x", "state": "absent", "mode": None}, "after": {"path": "/x", "state": "directory", "mode": None}}

CASES = {
    "hosts that are ok are counted": (
        [*started(3), result("web1"), result("web2"), result("web3")],
        ["Site  3 hosts", "  Page  3 ok"]),
    "a change names its host": (
        [*started(2), result("web1"), result("web2", "changed", dest="/etc/motd")],
        ["  Page  1 ok  1 changed", "    web2  /etc/motd"]),
    "hosts that say the same say it once": (
        [*started(3), *(result(f"web{number}", "changed", dest="/etc/motd") for number in (1, 2)), result("web3", "failed", msg="no")],
        ["  Page  2 changed  1 failed", "    web1, web2  /etc/motd", "    web3: failed: no"]),
    "many hosts are counted": (
        [*started(50), *(result(f"web{number}", "unreachable", msg="its key is not known") for number in range(1, 51))],
        ["  Page  50 unreachable", "    web1, web2, web3, web4, web5, web6 and 44 more: unreachable: its key is not known"]),
    "a host that comes late is shown too": (
        [*started(1), result("web1"), TaskStarted(task=2, name="Next", action="copy", position="site.yml:4", hosts=1), result("web9", "changed", dest="/x")],
        ["  Page  ok", "    web9  /x"]),
    "a plan says what it cannot predict": (
        [RunStarted(run="r1", command="plan", playbooks=["site.yml"], inventory=[], check=True), *started(2)[1:],
         result("web1", "skipped", unpredicted=True), result("web2", "skipped"), finished(web1=HostStats(skipped=1), web2=HostStats(skipped=1))],
        ["  Page  1 not predicted  1 skipped", "  in sync, 1 task not predicted  2.0 s, run r1"]),
    "a text's difference": (
        [*started(), result(status="changed", diff=[{"what": "content", "path": "/etc/motd", "before": "a\nb\n", "after": "a\nc\n"}])],
        ["      --- /etc/motd (before)", "      +++ /etc/motd (after)", "      @@ -1,2 +1,2 @@", "       a", "      -b", "      +c"]),
    "a difference of mappings, only what differs": (
        [*started(), result(status="changed", diff=FILE_DIFF)],
        ["      /x: state: absent → directory"]),
    "a failure says where, and shows the end of its output": (
        [*started(), result(status="failed", msg="non-zero return code", stderr="one\ntwo\n")],
        ["    web1: failed: non-zero return code", "      at site.yml:3", "      stderr| one", "      stderr| two"]),
    "escapes of a target are text": (
        [*started(), result(status="failed", msg="\x1b[2Jgone\x07")],
        ["    web1: failed: \\x1b[2Jgone\\x07"]),
    "items by their labels": (
        [*started(), ResultItem(task=1, host="web1", status="changed", label="nginx", result={}), result(status="changed", items=1)],
        ["    web1 (nginx)"]),
    "debug's message is the point of it": (
        [*started(action="debug"), result(action="debug", msg="hello")],
        ["    web1: hello"]),
    "a note with place and hint": (
        [Note(message="odd", position="a.yml:2:1", hint="write it so")],
        ["warning: a.yml:2:1: odd", "  write it so"]),
    "live output": ([*started(), Output(host="web1", task=1, text="compiling\n")], ["    web1 | compiling"]),
    "a recap": (
        [*started(), result(status="changed"), finished(web1=HostStats(ok=1, changed=1))],
        ["Recap", "  web1  ok 1   changed 1   failed 0"]),
}


@pytest.mark.parametrize("name", CASES)
def test_console(name: str) -> None:
    events, wanted = CASES[name]
    seen = screen(events, color=False, live=False, width=100)
    places = [seen.index(line) if line in seen else -1 for line in wanted]
    assert -1 not in places and places == sorted(places), "\n".join(seen)


def test_console_is_plain_in_a_pipe_and_coloured_when_told() -> None:
    events = [*started(), result(status="changed", dest="/x")]
    assert "\x1b" not in "".join(screen(events))
    assert "\x1b[33m" in "".join(screen(events, color=True))


def test_classic_shows_what_scripts_look_for() -> None:
    seen = screen([*started(2), result("web1"), result("web2", "failed", msg="no"), finished(2, web1=HostStats(ok=1), web2=HostStats(failed=1))], Classic)
    text = "\n".join(seen)
    for wanted in ("PLAY [Site] ", "TASK [Page] ", "ok: [web1]", "fatal: [web2]: FAILED! => ", "PLAY RECAP ", "web1                       : ok=1    changed=0"):
        assert wanted in text


PARTS = [
    ({}, []),
    ({"diff": []}, []),
    ({"diff": [{"what": "mode", "before": "0644", "after": "0600"}]}, [("mode", "0644", "0600")]),
    ({"diff": {"before": "a", "after": "b", "what": "content"}}, [("content", "a", "b")]),
    ({"diff": FILE_DIFF}, [("state", "absent", "directory")]),
    ({"diff": {"before": {"a": 1}, "after": {"b": 2}}}, [("a", 1, None), ("b", None, 2)]),
    ({"diff": "text of a foreign module"}, []),
]


@pytest.mark.parametrize(("given", "wanted"), PARTS)
def test_diff_parts(given: dict[str, Any], wanted: list[tuple[Any, ...]]) -> None:
    assert [(part.get("what"), part.get("before"), part.get("after")) for part in diff_parts(given)] == wanted

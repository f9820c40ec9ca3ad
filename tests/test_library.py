"""fleet as a library: runs from code, their events as they come, many at a time, none of them blocking an event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

import fleet
from fleet.connection.base import Endpoint, Request
from fleet.events import RunFinished, RunStarted, TaskResult
from fleet.testing import Simulated, plausible

HERE = {"all": {"hosts": {"a": {}, "b": {}}, "vars": {"ansible_connection": "local"}}}


@fleet.play(hosts="all")
def work(t: fleet.Host) -> None:
    """Some work"""
    t.copy(content=f"{t.vars.word}\n", dest=f"{t.vars.top}/{t.name}", task="Write")
    t.command("true", changed_when=False)


@fleet.play(hosts="all")
def broken(t: fleet.Host) -> None:
    if t.name == "b":
        t.command("false", task="Break")


@fleet.play(hosts="all")
def slow(t: fleet.Host) -> None:
    for _ in range(100):
        t.command("sleep 0.05").wait()


def test_a_run_and_what_it_tells(tmp_path: Path) -> None:
    given: dict[str, Any] = {"vars": {"top": str(tmp_path), "word": "{{ 7 * 7 }}"}}
    planned = fleet.run(work, HERE, check=True, **given)
    assert planned and planned.check and planned.changed and not list(tmp_path.iterdir())
    first = fleet.run(work, HERE, **given)
    assert first.status == 0 and sorted(first.hosts) == ["a", "b"]
    assert [(each.name, each.status) for each in first.hosts["a"].results] == [("Write", "changed"), ("command", "ok")]
    assert first.hosts["b"].changed and first.hosts["b"].stats.ok == 2
    assert isinstance(first.events[0], RunStarted) and isinstance(first.events[-1], RunFinished)
    assert (tmp_path / "a").read_text() == "{{ 7 * 7 }}\n", "values given in code are data"
    again = fleet.run(work, HERE, **given)
    assert again and not again.changed and again.id != first.id
    assert not fleet.run(work, HERE, keep=False, **given).events


def test_paths_texts_and_lists(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: yaml}\n")
    (tmp_path / "play.py").write_text("from fleet import play\n\n@play(hosts='all')\ndef p(t):\n    t.debug('python')\n")
    (tmp_path / "hosts").write_text("x ansible_connection=local\n")
    done = fleet.run([tmp_path / "play.yml", str(tmp_path / "play.py")], [tmp_path / "hosts", HERE], limit="x")
    assert [each.result["msg"] for each in done.results] == ["yaml", "python"]
    assert [each.host for each in done.results] == ["x", "x"]


def test_failures_are_in_the_run_and_raised_on_request() -> None:
    done = fleet.run(broken, HERE)
    assert not done and done.status == 2 and done.failed == ["b"]
    with pytest.raises(fleet.RunFailed, match="b: Break: non-zero return code") as caught:
        done.raise_for_status()
    assert caught.value.run is done
    assert fleet.run(work, "a,", connections=Simulated(), vars={"top": "/", "word": ""}).raise_for_status()


def test_mistakes_are_raised_before_anything_runs(tmp_path: Path) -> None:
    for given in ((tmp_path / "nosuch.yml", HERE), (work, tmp_path / "nosuch"), (work, {"all": 5}), ("hosts: all", HERE)):
        with pytest.raises(fleet.FleetError):
            fleet.run(*given)
    with pytest.raises(fleet.FleetError, match="setting"):
        fleet.run(work, HERE, settings={"nosuch": 1})


def test_nothing_of_the_process_is_touched(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = (os.getcwd(), dict(os.environ), signal.getsignal(signal.SIGINT), os.umask(0o022))
    fleet.run(work, HERE, vars={"top": str(tmp_path), "word": ""})
    assert (os.getcwd(), dict(os.environ), signal.getsignal(signal.SIGINT), os.umask(before[3])) == (*before[:3], 0o022)
    assert capfd.readouterr() == ("", "")


def test_two_runs_at_once_in_one_process(tmp_path: Path) -> None:
    """Each waits inside until the other is there as well, so they do overlap."""
    before = gc.get_threshold()
    both = threading.Barrier(2, timeout=60)
    runs: dict[str, fleet.Run] = {}

    def go(name: str) -> None:
        met: list[int] = []

        def answer(endpoint: Endpoint, request: Request) -> dict[str, Any]:
            if not met:
                met.append(both.wait())
            return {**plausible(endpoint, request), "changed": name == "one"}

        runs[name] = fleet.run(work, f"{name},", connections=Simulated(answer), vars={"top": str(tmp_path), "word": name})

    threads = [threading.Thread(target=go, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(list(runs[name].hosts), runs[name].changed) for name in ("one", "two")] == [(["one"], True), (["two"], False)]
    assert not both.broken
    assert gc.get_threshold() == before


def test_events_as_they_come() -> None:
    events = fleet.stream(slow, {"all": {"hosts": {"a": {"ansible_connection": "local"}}}})
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, TaskResult):
            assert events.run.status == 1, "it is not over"
            events.stop()
    assert isinstance(seen[-1], RunFinished) and events.run.status == 130
    assert len([event for event in seen if isinstance(event, TaskResult)]) < 100


def test_leaving_the_loop_ends_the_run() -> None:
    with fleet.stream(slow, {"all": {"hosts": {"a": {"ansible_connection": "local"}}}}) as events:
        for event in events:
            if isinstance(event, TaskResult):
                break
    assert events.run.interrupted and len(events.run.results) < 100


def test_async_does_not_block_the_loop(tmp_path: Path) -> None:
    async def main() -> tuple[fleet.Run, fleet.Run, list[str], int]:
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        given: Any = {"connections": Simulated(), "vars": {"top": str(tmp_path), "word": ""}}
        one, two = await asyncio.gather(fleet.run_async(work, "a,b,", **given), fleet.run_async(work, "c,", check=True, **given))
        names = [type(event).__name__ async for event in fleet.stream(work, "d,", **given)]
        ticking.cancel()
        return one, two, names, turns

    one, two, names, turns = asyncio.run(main())
    assert (sorted(one.hosts), sorted(two.hosts)) == (["a", "b"], ["c"]) and two.check
    assert names[0] == "RunStarted" and names[-1] == "RunFinished"
    assert turns > 10


def test_cancelling_an_async_run_ends_it() -> None:
    started = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(fleet.run_async(
            slow, {"all": {"hosts": {"a": {"ansible_connection": "local"}}}}, on_event=lambda event: isinstance(event, TaskResult) and started.set()))
        await asyncio.to_thread(started.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fleet-run")]

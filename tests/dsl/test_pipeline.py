"""Promises: what is not touched is pipelined, in order, and nothing behind a failed task has run. Counted in round trips, never in time."""

from __future__ import annotations

from pathlib import Path

from fleet.testing import Simulated
from tests.dsl.harness import count
from tests.engine.harness import Site

LONG = """
    from fleet import Host, play

    @play(hosts="all")
    def work(t: Host) -> None:
        for number in range(50):
            t.copy(content=f"{{number}}\\n", dest=f"{root}/{{number}}")
    """


def test_a_play_that_touches_nothing_costs_one_round_trip(site: Site) -> None:
    seen, rounds = count(site, LONG.format(root=site.path))
    assert seen.status == 0, seen.events
    assert len(seen.results()) == len(rounds.requests) == 50
    assert rounds.trips == 1
    assert (site.path / "49").read_text() == "49\n"


def test_more_than_fits_in_the_window_costs_one_round_trip_a_window(site: Site) -> None:
    _, rounds = count(site, LONG.format(root=site.path).replace("50", "300"), inner=Simulated())
    assert len(rounds.requests) == 300
    assert rounds.trips <= 3


def test_touching_costs_one_each_and_what_is_before_goes_along(site: Site) -> None:
    seen, rounds = count(site, """
        from fleet import Host, play

        @play(hosts="all")
        def work(t: Host) -> None:
            one = t.command("echo one", changed_when=False)
            two = t.command("echo two", changed_when=False)
            three = t.command("echo three", changed_when=False)
            assert two.stdout == "two"          # waits: the first round trip
            assert one.stdout == "one"          # came with it
            t.command(["echo", three.stdout])   # not waited for: the second, with the next
            assert t.command("echo four").rc == 0
        """)
    assert seen.status == 0, seen.notes()
    assert len(rounds.requests) == 5
    assert rounds.trips == 2


def test_every_way_of_touching_waits(site: Site) -> None:
    seen, rounds = count(site, """
        from fleet import Host, play

        @play(hosts="all")
        def work(t: Host) -> None:
            def say(text):
                return t.command(["echo", text], changed_when=False)
            assert say("a").stdout == "a"
            assert not say("b").changed
            assert say("c")
            assert f"{say('d')}" == "d"
            assert say("e")["rc"] == 0
            assert say("f").wait().stdout_lines == ["f"]
            if not t.stat("/").stat.isdir:
                raise AssertionError
        """)
    assert seen.status == 0, seen.notes()
    assert rounds.trips == 7


def test_nothing_behind_a_failed_task_has_run(site: Site) -> None:
    seen, rounds = count(site, f"""
        from fleet import Host, play

        @play(hosts="all")
        def work(t: Host) -> None:
            t.copy(content="x", dest="{site.path}/before")
            t.command("false")
            for number in range(20):
                t.copy(content="x", dest=f"{site.path}/behind{{number}}")
        """)
    assert seen.status == 2
    assert len(rounds.requests) == 22 and rounds.trips == 1, "all went out before the failure was known"
    assert (site.path / "before").exists()
    assert not list(site.path.glob("behind*"))
    assert seen.trail() == ["copy changed", "command failed"]
    assert seen.stats["a"].failed == 1


def test_nothing_behind_a_task_that_killed_its_runner_has_run(site: Site) -> None:
    seen, rounds = count(site, f"""
        from fleet import Host, TaskFailed, play

        @play(hosts="all")
        def work(t: Host) -> None:
            t.shell("kill -9 $PPID")
            for number in range(20):
                t.copy(content="x", dest=f"{site.path}/behind{{number}}")
            try:
                t.wait()
            except TaskFailed as error:
                assert error.result["killed"]
            t.copy(content="x", dest="{site.path}/later")
        """)
    assert [event.status for event in seen.results()] == ["failed", "changed"], seen.notes()
    assert rounds.trips == 2
    assert not list(site.path.glob("behind*")) and (site.path / "later").exists()


def test_other_hosts_go_on(site: Site) -> None:
    seen = site.run(f"""
        from fleet import Host, play

        @play(hosts="all")
        def work(t: Host) -> None:
            t.command("false" if t.name == "b" else "true")
            t.copy(content=t.name, dest=f"{site.path}/{{t.name}}")
        """, name="play.py")
    assert seen.status == 2
    assert [name for name in "abc" if (site.path / name).exists()] == ["a", "c"]


def test_a_failure_is_raised_where_it_is_touched(site: Site) -> None:
    seen = site.run("""
        from fleet import Host, TaskFailed, play

        @play(hosts="a")
        def work(t: Host) -> None:
            broken = t.command("false")
            later = t.command("echo later")
            try:
                broken.stdout
            except TaskFailed as error:
                assert error.result["rc"] == 1
                t.debug(f"caught {error}")
            try:
                later.stdout
            except TaskFailed:
                t.debug("the one behind it did not run")
        """, name="play.py")
    assert seen.messages() == ["caught non-zero return code", "the one behind it did not run"]
    assert seen.stats["a"].failed == 1


def test_a_failure_is_raised_by_the_next_call_and_at_the_end(site: Site) -> None:
    seen = site.run("""
        from fleet import Host, TaskFailed, play

        @play(hosts="a")
        def work(t: Host) -> None:
            t.command("false")
            try:
                t.wait()
            except TaskFailed:
                t.debug("one")
            t.command("false")
            try:
                for number in range(1000):
                    t.command("true")
            except TaskFailed:
                t.debug("two")
            t.command("false")
        """, name="play.py")
    assert seen.messages() == ["one", "two"]
    assert seen.status == 2
    assert seen.stats["a"].failed == 3


def test_the_line_that_is_shown_is_the_users(site: Site) -> None:
    seen = site.run("""
        from fleet import Host, play

        @play(hosts="a")
        def work(t: Host) -> None:
            helper(t)

        def helper(t):
            t.command("true")
            t.command("false")  # line 10
        """, name="play.py")
    failed = next(event for event in seen.results() if event.status == "failed")
    assert failed.position.endswith("play.py:10") or ":10:" in failed.position, failed.position


def test_an_exception_in_the_play_shows_the_users_lines_only(site: Site) -> None:
    seen = site.run("""
        from fleet import Host, play

        @play(hosts="all")
        def work(t: Host) -> None:
            t.command("true")
            if t.name == "b":
                raise KeyError("mine")
        """, name="play.py")
    assert seen.status == 2
    note = next(text for text in seen.notes() if "KeyError" in text)
    assert "line 8" in note and 'raise KeyError("mine")' in note
    assert "fleet/dsl" not in note
    assert [seen.stats[name].failed for name in "abc"] == [0, 1, 0]


def test_other_users_keep_their_order(site: Site, tmp_path: Path) -> None:
    """Another place's tasks wait for those before them, so that the order of effects is that of the calls."""
    tmp_path.chmod(0o755)
    trail = tmp_path / "trail"
    trail.touch()
    trail.chmod(0o666)
    tmp = tmp_path
    while tmp != tmp.parent:
        tmp.chmod(tmp.stat().st_mode | 0o055)
        tmp = tmp.parent
    seen, rounds = count(site, f"""
        from fleet import Host, play

        @play(hosts="a")
        def work(t: Host) -> None:
            nobody = t.using(become=True, become_user="nobody")
            t.shell("sleep 0.2; echo 1 >> {trail}")
            nobody.shell("id -un >> {trail}")
            t.shell("echo 3 >> {trail}")
        """, extra_vars=("ansible_python_interpreter=/usr/bin/python3",))
    assert seen.status == 0, [event.result for event in seen.results()]
    assert trail.read_text() == "1\nnobody\n3\n"
    assert rounds.trips == 3

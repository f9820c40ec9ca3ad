"""A result as the argument of the next task: put in on the target, without a round trip where that is possible, and always with the same effect."""

from __future__ import annotations

import pytest

from fleet.testing import Simulated
from tests.dsl.harness import count
from tests.engine.harness import Site


def play(body: str) -> str:
    import textwrap
    return "from fleet import Host, TaskFailed, play\n\n@play(hosts='all')\ndef work(t: Host) -> None:\n" + textwrap.indent(textwrap.dedent(body), "    ")


def test_it_costs_no_round_trip(site: Site) -> None:
    seen, rounds = count(site, play(f"""
        made = t.tempfile(state="directory", prefix="fleet-test-")
        name = t.command(["basename", made.later("path")], changed_when=False)
        t.copy(content=name.later("stdout"), dest="{site.path}/name")
        t.shell("ls", chdir=made.later("path"), changed_when=False)
        t.file(made.later("path"), state="absent")
        """))
    assert seen.status == 0, [event.result for event in seen.results()]
    assert rounds.trips == 1
    assert (site.path / "name").read_text().startswith("fleet-test-")


def test_what_is_not_kept_is_waited_for(site: Site) -> None:
    seen, rounds = count(site, play("""
        out = t.command("echo one", changed_when=False)
        other = t.command("echo other", changed_when=False)
        assert out.stdout == "one"                                     # 1: now `other` is out, and nobody asked to keep it
        assert t.command(["echo", other.later("stdout")]).stdout == "other"
        code = t.command("echo 0644", changed_when=False)
        t.wait_for(timeout=t.command("echo 0").later("rc"))            # a number: known here first
        t.debug(code.later("stdout"))                                  # not on the target at all
        t.debug(f"{code.later('stdout')} and {out.later('stdout')}")
        """))
    assert seen.status == 0, (seen.notes(), [event.result for event in seen.results()])
    assert seen.messages() == ["0644", "0644 and one"]
    assert rounds.trips <= 5


def test_data_stays_data(site: Site) -> None:
    hostile = "{{ 7 * 7 }} $(id) ; fleet-later-0 'x'"
    seen, rounds = count(site, play(f"""
        said = t.command(["echo", {hostile!r}], changed_when=False)
        t.command(["printf", "%s", said.later("stdout")], changed_when=False)
        t.copy(content=said.later("stdout"), dest="{site.path}/out")
        """))
    assert seen.status == 0 and rounds.trips == 1
    assert (site.path / "out").read_text() == hostile
    assert seen.results()[1].result["stdout"] == hostile


def test_nothing_runs_with_the_result_of_a_failed_task(site: Site) -> None:
    seen, rounds = count(site, play(f"""
        bad = t.shell("echo half; false")
        t.copy(content=bad.later("stdout"), dest="{site.path}/out")
        """))
    assert seen.status == 2 and rounds.trips == 1
    assert not (site.path / "out").exists()


def test_a_field_that_is_not_there_fails_the_task(site: Site) -> None:
    seen, _ = count(site, play("""
        gone = t.file("/nonexistent/x", state="absent")
        t.command(["echo", gone.later("owner")])
        """))
    assert seen.status == 2
    assert "owner" in seen.results()[-1].result["msg"]


@pytest.mark.parametrize("touch", ["", "source.wait()"])
def test_under_check_what_depends_on_a_skipped_task_is_skipped(site: Site, touch: str) -> None:
    seen, _ = count(site, play(f"""
        source = t.command("echo x")
        {touch}
        made = t.copy(content=source.later("stdout"), dest="{site.path}/out")
        assert made.skipped
        """), check=True)
    assert seen.status == 0, seen.notes()
    assert not (site.path / "out").exists()


def test_between_users_streams_and_hosts_it_is_waited_for(site: Site) -> None:
    seen = site.run(play("""
        word = t.command(["echo", t.name], changed_when=False)
        everyone = t.wait_all(t.command(["echo", "from " + t.name], changed_when=False))
        def inside(t): return t.command(["echo", word.later("stdout")], changed_when=False).stdout
        t.debug(f"{t.parallel(inside)}")
        t.debug(t.command(["echo", everyone["b"].later("stdout")], changed_when=False).stdout)
        t.debug(t.on("c").command(["echo", word.later("stdout")], changed_when=False).stdout)
        """), name="play.py")
    assert seen.status == 0, seen.notes()
    assert seen.messages("a") == ["['a']", "from b", "a"]


def test_the_token_never_leaves_the_controller(site: Site) -> None:
    _, rounds = count(site, play("""
        out = t.command("echo x")
        t.command(["cat", out.later("stdout")])
        t.shell(out.later("stdout"))
        """), inner=Simulated())
    assert "fleet-later" not in repr(rounds.requests)
    assert [request.refs[0].place for request in rounds.requests[1:]] == [["argv", 1], ["_raw_params"]]

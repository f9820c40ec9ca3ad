"""Everything a YAML play can do, in Python: what docs/dsl.md promises, on hosts that are this machine."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from fleet.cli import group as main
from fleet.errors import FleetError
from tests.engine.harness import Seen, Site

HEAD = "from fleet import Host, TaskFailed, play\n\n"


def run(site: Site, text: str, **options: object) -> Seen:
    import textwrap
    return site.run(HEAD + textwrap.dedent(text), name="play.py", **options)  # type: ignore[arg-type]


def ok(site: Site, text: str, **options: object) -> Seen:
    seen = run(site, text, **options)
    assert seen.status == 0, (seen.notes(), [event.result for event in seen.results() if event.status == "failed"])
    return seen


# -- check and plan

def test_check_changes_nothing_and_says_what_would(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            conf = t.copy(content="x", dest="DIR/conf")
            assert t.check
            if conf.changed:
                t.file("DIR/dir", state="directory")
            run = t.command("touch DIR/ran")
            if not run.skipped:
                t.debug("not reached under check")
            assert t.command("echo read", check_mode=False, changed_when=False).stdout == "read"
        """.replace("DIR", str(site.path)), check=True)
    assert seen.trail() == ["copy changed", "file changed", "command ok"]
    assert not (site.path / "conf").exists() and not (site.path / "ran").exists()


def test_what_was_skipped_says_so(site: Site) -> None:
    seen = run(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.command("true").stdout
        """, check=True)
    assert seen.status == 2
    assert "was skipped and has no 'stdout'" in "".join(seen.notes())


def test_a_field_that_is_not_there_names_those_that_are(site: Site) -> None:
    seen = run(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.command("true").output
        """)
    note = "".join(seen.notes())
    assert "the result of command has no 'output'; it has:" in note and "stdout" in note


# -- handlers

def test_handlers_run_once_at_the_end_when_something_changed(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.command("true", notify=restart)
            t.command("true", notify=[restart, reload])
            t.command("true", changed_when=False, notify=never)
            t.debug("body")

        def restart(t): t.debug("restarted")
        def reload(t): t.debug("reloaded")
        def never(t): t.debug("never")
        """)
    assert seen.messages() == ["body", "restarted", "reloaded"]


def test_handlers_can_be_flushed_notify_others_and_keep_become_and_tags(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            t.using(tags="chosen").command("true", notify=first)
            t.flush_handlers()
            t.debug("after", tags="chosen")

        def first(t): t.command("true", notify=second)
        def second(t): t.debug("second")
        """, tags=("chosen",))
    assert seen.messages() == ["second", "after"]


def test_handlers_of_a_failed_host_do_not_run_unless_forced(site: Site) -> None:
    text = """
        @play(hosts="a", force_handlers=FORCE)
        def work(t: Host) -> None:
            t.command("true", notify=handler)
            t.command("false")

        def handler(t): t.debug("handled")
        """
    assert run(site, text.replace("FORCE", "False")).messages() == []
    assert run(site, text.replace("FORCE", "True")).messages() == ["handled"]


# -- which hosts, in what order

def test_serial(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="all", serial=[1, "100%"])
        def work(t: Host) -> None:
            t.debug(t.name)
        """)
    assert seen.batches() == [["a"], ["b", "c"]]


@pytest.mark.parametrize(("limit", "ran"), [(0, ["a"]), (50, ["a", "b", "c"])])
def test_max_fail_percentage_ends_the_run_of_batches(site: Site, limit: int, ran: list[str]) -> None:
    seen = run(site, f"""
        @play(hosts="all", serial=[1, 2], max_fail_percentage={limit})
        def work(t: Host) -> None:
            t.command("true" if t.name != "{'a' if not limit else 'b'}" else "false")
        """)
    assert seen.status == 2
    assert sorted({event.host for event in seen.results()}) == ran


def test_any_errors_fatal_stops_the_others_at_their_next_task(site: Site) -> None:
    seen = run(site, """
        @play(hosts="all", any_errors_fatal=True)
        def work(t: Host) -> None:
            t.command("false" if t.name == "b" else "true")
            t.wait_all()
            t.debug("not reached")

        @play(hosts="all")
        def then(t: Host) -> None:
            t.debug("not reached either")
        """)
    assert seen.status == 2
    assert not any(seen.messages(host) for host in "abc")


def test_limit_and_tags_and_start_at(site: Site) -> None:
    text = """
        @play(hosts="all")
        def work(t: Host) -> None:
            t.debug("one", task="One", tags="x")
            with t.block(tags=["y"]) as inside:
                inside.debug("two", task="Two")
            t.debug("three", task="Three", tags=["always"])
        """
    assert ok(site, text, limit="b").messages("b") == ["one", "two", "three"]
    assert ok(site, text, limit="b").messages("a") == []
    assert ok(site, text, tags=("y",)).messages() == ["two", "three"]
    assert ok(site, text, skip_tags=("x",)).messages() == ["two", "three"]
    assert ok(site, text, start_at_task="Two").messages() == ["two", "three"]


def test_run_once_and_its_value(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            token = t.once(lambda t: t.command(f"echo from {t.name}", changed_when=False).stdout)
            t.debug(f"{t.name}: {token}")
        """)
    assert [seen.messages(host) for host in "abc"] == [["a: from a"], ["b: from a"], ["c: from a"]]
    assert len([event for event in seen.results() if event.action == "command"]) == 1


def test_a_failure_of_once_is_everybodys(site: Site) -> None:
    seen = run(site, """
        @play(hosts="pair")
        def work(t: Host) -> None:
            t.once(lambda t: t.command("false").stdout)
            t.debug("not reached")
        """)
    assert [seen.messages(host) for host in "ab"] == [[], []]
    assert seen.status == 2


def test_delegation_and_the_controller(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="pair")
        def work(t: Host) -> None:
            there = t.on("c").command("echo there", changed_when=False)
            here = t.local.command("echo here", changed_when=False)
            t.debug(f"{there.stdout} {here.stdout}")
        """)
    assert seen.messages("a") == seen.messages("b") == ["there here"]
    assert {event.delegated_to for event in seen.results("a")} == {"c", "localhost", ""}


def test_barriers_exchange_results(site: Site) -> None:
    seen = ok(site, """
        trail = []

        @play(hosts="all")
        def work(t: Host) -> None:
            trail.append("before")
            everyone = t.wait_all(t.command(["echo", t.name], changed_when=False).stdout)
            trail.append("after")
            t.wait_all()
            t.debug(f"{everyone} {trail}")
        """)
    wanted = "{'a': 'a', 'b': 'b', 'c': 'c'} " + str(["before"] * 3 + ["after"] * 3)
    assert [seen.messages(host) for host in "abc"] == [[wanted]] * 3


def test_a_failed_host_is_not_waited_for(site: Site) -> None:
    seen = run(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            if t.name == "b":
                t.command("false")
            everyone = t.wait_all(1)
            t.debug(f"{sorted(everyone)}")
        """)
    assert seen.messages("a") == seen.messages("c") == ["['a', 'c']"]


def test_one_hosts_results_and_variables_are_seen_by_others(site: Site) -> None:
    site.write("host_vars/b.yml", "port: 81\n")
    seen = ok(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            t.set_fact(mine=f"set by {t.name}")
            t.wait_all()
            t.debug(f"{t.hostvars['b']['port']} {t.hostvars['c']['mine']} {t.hosts('pair')} {t.groups}")
        """)
    assert seen.messages("a") == ["81 set by c ['a', 'b'] ['pair']"]


def test_parallel_on_one_host(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            def one(t): return t.command("echo 1", changed_when=False).stdout
            def two(t): return t.command("echo 2", changed_when=False).stdout
            t.debug(f"{t.parallel(one, two)}")
        """)
    assert seen.messages() == ["['1', '2']"]


def test_a_failure_in_a_parallel_group(site: Site) -> None:
    seen = run(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            def good(t): t.command("true"); t.debug("good went on")
            def bad(t): t.command("false"); t.debug("not reached")
            t.parallel(bad, good)
            t.debug("not reached either")
        """)
    assert seen.messages() == ["good went on"]
    assert seen.status == 2


# -- failures

def test_blocks_rescue_and_always(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            try:
                with t.block():
                    t.command("false")
                    t.debug("not reached")
            except TaskFailed as error:
                t.debug(f"rescued {error.result['rc']}")
            finally:
                t.debug("always")
            t.debug("after")
        """)
    assert seen.messages() == ["rescued 1", "always", "after"]
    assert (seen.stats["a"].failed, seen.stats["a"].rescued) == (0, 1)


def test_ignored_and_judged_failures(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            failed = t.command("false", ignore_errors=True)
            assert failed.failed and failed.rc == 1 and not failed
            t.command("false", failed_when=False)
            t.command("false", failed_when=lambda result: result["rc"] > 1, changed_when=lambda result: result["rc"] == 1)
            tries = t.shell("echo x >> DIR/tries; test $(wc -l < DIR/tries) -ge 3", until=lambda result: result["rc"] == 0, retries=5, delay=0)
            t.debug(f"{tries.attempts}")
        """.replace("DIR", str(site.path)))
    assert seen.messages() == ["3"]
    assert seen.stats["a"].ignored == 1


def test_a_wrong_call_names_the_line_and_the_right_word(site: Site) -> None:
    for wrong, words in (('t.copy(contents="x", dest="/x")', "did you mean 'content'?"), ('t.copi("x")', "did you mean 'copy'?"),
                         ('t.file("/x", state="directoy")', "is one of"), ('t.file(state="touch")', "file: missing required arguments: path"),
                         ('t.using(becom=True)', "did you mean 'become'?"), ('t.vars.sights', "did you mean 'sites'?"),
                         ('t.include_tasks("nosuch.yml")', "there is no tasks file"), ('t.role("nosuch")', "there is no role 'nosuch'")):
        seen = run(site, f"""
            @play(hosts="a", vars=dict(sites=[]))
            def work(t: Host) -> None:
                {wrong}
            """)
        note = "".join(seen.notes())
        assert seen.status == 2 and words in note, note
        assert "play.py" in note and "6" in note, note
        assert "fleet/dsl" not in note


def test_mistakes_before_the_run(site: Site) -> None:
    for text, words in (("x = 1\n", "there is no play in this file"), ("def f(:\n", "Python cannot read it"), ("import nosuch\n", "nosuch"),
                        ("from fleet import play\n@play(hosts='a', seriall=1)\ndef f(t): pass\n", "did you mean 'serial'?"),
                        ("playbook = ['nosuch.yml']\n", "not there"), ("playbook = [1]\n", "no play"), ("playbook = ['wrong.py']\n", "circle")):
        with pytest.raises(FleetError) as caught:
            site.run(text, name="wrong.py")
        assert words in caught.value.render(), caught.value.render()
        assert "wrong.py" in caught.value.render()


def test_ending_early(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="all")
        def work(t: Host) -> None:
            if t.name == "a":
                t.end()
            t.debug("one")
            t.wait_all()
            if t.name == "b":
                t.meta("end_play")
            t.wait_all()
            t.debug("two")

        @play(hosts="a")
        def then(t: Host) -> None:
            t.debug("the next play")
        """)
    assert [seen.messages(host) for host in "abc"] == [["the next play"], ["one"], ["one"]]


# -- variables and facts

def test_variables_facts_and_what_sets_them(site: Site) -> None:
    site.write("group_vars/all.yml", "sites: [{name: one, ports: [80]}]\nnested: '{{ sites[0].name }}!'\nmy-name: odd\n")
    site.write("more.yml", "included: yes it is\n")
    seen = ok(site, """
        @play(hosts="a", vars=dict(mine="{{ nested }}"))
        def work(t: Host) -> None:
            assert t.vars.sites[0].name == "one" and t.vars.sites[0].ports == [80]
            assert t.vars.nested == t.vars.mine == "one!" and t.vars["my-name"] == "odd"
            assert "nosuch" not in t.vars and t.vars.get("nosuch", 3) == 3
            assert t.facts.system == "Linux" and t.facts.os_family
            assert t.vars.ansible_system == "Linux" and t.vars.inventory_hostname == "a"
            t.set_fact(later=1)
            t.include_vars(file="more.yml")
            assert t.vars.later == 1 and t.vars.included == "yes it is"
            t.set_fact(hostile="{{ 7 * 7 }}")
            assert t.vars.hostile == "{{ 7 * 7 }}", "text of Python is no template"
            t.debug(f"{t.vars.given}")
        """, extra_vars=("given='by -e'",))
    assert seen.messages() == ["by -e"]
    assert len([event for event in seen.results() if event.action == "setup"]) == 1


def test_what_a_target_says_is_never_a_template(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            said = t.command(["echo", "{{ 7 * 7 }}"], changed_when=False)
            t.debug(said.stdout)
            t.copy(content=said.stdout, dest="DIR/out")
        """.replace("DIR", str(site.path)))
    assert seen.messages() == ["{{ 7 * 7 }}"]
    assert (site.path / "out").read_text() == "{{ 7 * 7 }}"


def test_vaulted_variables(site: Site) -> None:
    (site.path / "pass").write_text("swordfish\n")
    text = CliRunner().invoke(main, ["vault", "encrypt-string", "--vault-password-file", str(site.path / "pass"), "--name", "password", "very secret"]).output
    site.write("group_vars/all.yml", text)
    seen = ok(site, """
        @play(hosts="a")
        def work(t: Host) -> None:
            assert t.vars.password == "very secret"
            t.debug(f"it is {t.vars.password}")
            t.copy(content=t.vars.password, dest="DIR/secret", mode="0600")
        """.replace("DIR", str(site.path)), vault_password_file=(str(site.path / "pass"),), diff=True)
    assert (site.path / "secret").read_text() == "very secret"
    assert "very secret" not in repr(seen.events)


def test_keywords_of_calls_plays_and_views(site: Site) -> None:
    seen = ok(site, """
        @play(hosts="a", environment=dict(ONE="1"))
        def work(t: Host) -> None:
            assert t.command("printenv ONE", changed_when=False).stdout == "1"
            two = t.using(environment=dict(TWO="2"))
            assert two.shell("echo $ONE$TWO$THREE", environment=dict(THREE="3"), changed_when=False).stdout == "123"
            t.command("echo secret", no_log=True)
            late = t.command("sleep 30", timeout=0.2, ignore_errors=True)
            assert "imed out" in late.msg
        """)
    assert "secret" not in repr([event for event in seen.events if "environ" not in repr(event)])

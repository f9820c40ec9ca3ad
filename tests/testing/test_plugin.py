"""The fixtures that users get, by the example that the documentation gives."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import fleet
from fleet.testing import LabTarget, RootTarget

pytest_plugins = "pytester"
DOCS = Path(__file__).parents[2] / "docs/testing.md"


def write_example(folder: Path) -> None:
    for name, text in re.findall(r"```python\n# (\S+)\n(.*?)```", DOCS.read_text(), re.DOTALL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_the_documented_example(pytester: pytest.Pytester) -> None:
    write_example(pytester.path)
    done = pytester.runpytest_subprocess("-q", "tests")
    done.assert_outcomes(passed=3)


def test_nothing_outside_changes_and_targets_are_new(fleet_target: RootTarget) -> None:
    fleet_target.apply(lambda t: t.copy(content="x", dest="/etc/fleet-testing"))
    assert fleet_target.path("/etc/fleet-testing").read_text() == "x"
    assert not os.path.exists("/etc/fleet-testing")
    other = RootTarget(Path())
    assert not other.path("/etc/fleet-testing").exists()
    other.close()
    assert not other.path("/etc/passwd").exists()


def test_playbooks_plays_groups_and_variables(fleet_target: RootTarget, tmp_path: Path) -> None:
    book = tmp_path / "book.yml"
    book.write_text("- hosts: web\n  gather_facts: false\n  tasks:\n    - copy: {content: '{{ word }} {{ more }}', dest: /etc/word}\n")
    fleet_target.groups.append("web")
    fleet_target.vars["word"] = "said"
    fleet_target.idempotent(book, vars={"more": "once"})
    assert fleet_target.read("/etc/word") == "said once"

    @fleet.play(hosts="somewhere else", name="A play")
    def elsewhere(t: fleet.Host) -> None:
        t.file("/etc/word", state="absent")

    assert fleet_target.idempotent(elsewhere).changed


def test_what_a_plan_did_not_foresee_is_told(fleet_target: RootTarget) -> None:
    def blind(t: fleet.Host) -> None:
        if not t.check:
            t.copy(content="x", dest="/etc/blind", task="Unforeseen")

    with pytest.raises(AssertionError, match=r"would change nothing, but it changed:\n  Unforeseen \(.*test_plugin.py:\d+"):
        fleet_target.idempotent(blind)
    with pytest.raises(fleet.RunFailed, match="non-zero return code"):
        fleet_target.apply(lambda t: t.command("false"))


@pytest.mark.lab
def test_a_lab_host_is_the_same_to_a_test(fleet_host: LabTarget) -> None:
    def site(t: fleet.Host, word: str) -> None:
        t.user("fleettest", system=True)
        t.copy(content=f"{word}\n", dest="/etc/fleet-testing", owner="fleettest")

    assert fleet_host.idempotent(site, word="lab").changed
    assert fleet_host.read("/etc/fleet-testing") == "lab\n"
    assert fleet_host.command("hostname") == "h1"

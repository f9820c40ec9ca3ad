"""The entries of fleet.toml: what they come to, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from fleet.errors import FleetError, SourceError, UsageError
from fleet.reconcile import entries, select
from fleet.settings import load_settings
from tests.engine.harness import Site


def test_an_entry_with_everything(project: Site) -> None:
    project.write("fleet.toml", """
        [[reconcile]]
        name = "all"
        playbook = ["a.yml", "/abs/b.py"]
        mode = "repair"
        at = "Sun 03:30"
        inventory = ["hosts", "h1,h2,"]
        limit = "web:!db"
        tags = "quick"
        skip_tags = ["slow"]
        extra_vars = {greeting = "it's", number = 5}
        """)
    [entry] = entries(load_settings())
    assert entry.playbooks == (f"{project.path}/a.yml", "/abs/b.py") and entry.inventory == (f"{project.path}/hosts", "h1,h2,")
    assert (entry.mode, str(entry.schedule), entry.limit, entry.tags, entry.skip_tags) == ("repair", "Sun at 03:30", "web:!db", ("quick",), ("slow",))
    assert entry.extra_vars == ('{"greeting": "it\'s", "number": 5}',)


def test_defaults_and_pyproject(project: Site) -> None:
    (project.path / "fleet.toml").unlink()
    project.write("pyproject.toml", "[project]\nname = 'x'\n\n[[tool.fleet.reconcile]]\nname = 'site'\nplaybook = 'play.yml'\n")
    [entry] = entries(load_settings())
    assert (entry.mode, str(entry.schedule), entry.inventory) == ("report", "every 1h", ())
    project.write("pyproject.toml", "[[tool.fleet.reconcile]]\nname = 'site'\nplaybok = 'play.yml'\n")
    with pytest.raises(SourceError) as caught:
        entries(load_settings())
    assert caught.value.render().startswith(f"{project.path}/pyproject.toml:3:1: ")


# what is added to a first, good entry -> line:col and message | hint
WRONG = [
    ("name = 'b'\nplaybok = 'x'", "8:1: an entry of reconcile has no key 'playbok' | did you mean 'playbook'?"),
    ("name = 'b'\nzzz = 'x'", "8:1: an entry of reconcile has no key 'zzz' | it has name, playbook, mode"),
    ("name = 'b'", "6:1: an entry of reconcile needs 'playbook'"),
    ("playbook = 'x'", "6:1: an entry of reconcile needs 'name'"),
    ("name = 'site'\nplaybook = 'x'", "7:1: two entries have the name 'site'"),
    ("name = '../x'\nplaybook = 'x'", "7:1: '../x' cannot name an entry"),
    ("name = 'b'\nplaybook = 'x'\nmode = 'repiar'", "9:1: the mode is report or repair, not 'repiar' | did you mean 'repair'?"),
    ("name = 'b'\nplaybook = 'x'\nevery = 'hourly'", "9:1: 'hourly' is no length of time"),
    ("name = 'b'\nplaybook = 'x'\nevery = 3600", "9:1: 'every' takes text, not 3600"),
    ("name = 'b'\nplaybook = 'x'\nevery = '0s'", "9:1: it must be more than nothing"),
    ("name = 'b'\nplaybook = 'x'\nat = '25:00'", "9:1: '25:00' is no time"),
    ("name = 'b'\nplaybook = 'x'\nevery = '2h'\nat = '03:00'", "10:1: `at` names a time of the day; `every` is then 1d"),
    ("name = 'b'\nplaybook = 5", "8:1: 'playbook' takes text or a list of it, not 5"),
    ("name = 'b'\nplaybook = 'x'\ntags = [1]", "9:1: 'tags' takes text or a list of it, not [1]"),
    ("name = 'b'\nplaybook = 'x'\nextra_vars = 'a=1'", "9:1: 'extra_vars' takes a table of variables"),
]


@pytest.mark.parametrize(("text", "wanted"), WRONG)
def test_a_wrong_entry_is_told_with_its_line(project: Site, text: str, wanted: str) -> None:
    project.write("fleet.toml", f"\n[[reconcile]]\nname = 'site'\nplaybook = 'play.yml'\n\n[[reconcile]]\n{text}\n")
    message, _, hint = wanted.partition(" | ")
    with pytest.raises(FleetError) as caught:
        entries(load_settings())
    assert f"{project.path}/fleet.toml:{message}" in f"{caught.value.pos}: {caught.value.message}", caught.value.render()
    assert hint in caught.value.hint


def test_select(project: Site) -> None:
    settings = load_settings()
    found = entries(settings)
    assert select(found, (), settings) == select(found, ("site", "site"), settings) == found
    with pytest.raises(UsageError) as caught:
        select(found, ("sight",), settings)
    assert caught.value.hint == "did you mean 'site'?"
    with pytest.raises(UsageError, match="nothing to reconcile"):
        select([], (), settings)

"""A module's page and its text, from a spec that has everything."""

from __future__ import annotations

import pytest

from fleet import registry
from fleet.cli import run
from fleet.report.docs import markdown, text, themes
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "thing", "Make a thing",
    {"size": Opt("int", "How large | how wide.", default=5, aliases=["length"]), "name": Opt("str", "Its name. " + "Long text. " * 20, required=True),
     "kind": Opt("str", "What kind.", choices=["a", "b"]), "parts": Opt("list", "Its parts.", elements="dict", suboptions={"id": Opt("str", "A part's id.")})},
    returns={"made": Ret("bool", "Whether it was made.", "changed")}, check="partial", free_form="name", mutually_exclusive=[("size", "kind")],
    required_if=[("kind", "a", ["size", "parts"], True)], required_by={"size": ["kind"]}, notes=["One thing to know."], examples="- thing: x\n")


@pytest.mark.parametrize("wanted", [
    "# thing\n\nMake a thing. Check mode predicts it where the options say enough; see the notes.\n",
    "| `size` | int | `5` | How large \\| how wide. Also: `length`. |", "| `name` | str | required | Its name.", "Takes the task's free text. |",
    "| `kind` | str |  | What kind. One of: `a`, `b`. |", "| `parts` | list of dict |  | Its parts. |\n| `parts.id` | str |  | A part's id. |",
    "\nNot together: `size`, `kind`.", "\nWith `kind=a`: needs `size` or `parts`.", "\n`size` needs `kind`.", "\n- One thing to know.",
    "| `made` | bool | changed | Whether it was made. |", "```yaml\n- thing: x\n```\n"])
def test_page(wanted: str) -> None:
    assert wanted in markdown(SPEC)


@pytest.mark.parametrize("wanted", [
    "thing\n\n  Make a thing.", "Options (* must be given)\n* name  (str; the task's free text)\n      Its name. Long text.",
    "  size  (int; = 5; also length)\n      How large | how wide.\n", "  kind  (str; one of a, b)", "  parts.id  (str)",
    "  not together: size, kind", "  - One thing to know.",
    "Returns\n  made  (bool; changed) Whether it was made.\n", "Examples\n  - thing: x\n"])
def test_text(wanted: str) -> None:
    shown = text(SPEC, 60)
    assert wanted in shown and all(len(line) <= 60 for line in shown.splitlines())


def test_every_module_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(name for names in themes().values() for name in names) == registry.names()
    assert run(["doc", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in registry.names())

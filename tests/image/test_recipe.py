"""Recipes: what is wrong in one is told with its place, and a digest changes exactly when what it means does."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.errors import SourceError
from fleet.image.recipe import Recipe, load, parse
from fleet.playbook import Static


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"roles/app/tasks/main.yml": "- copy: {content: '{{ greeting }}', dest: /etc/motd}\n", "roles/app/templates/a.j2": "a\n",
                       "roles/base/tasks/main.yml": "- debug: {msg: base}\n", "roles/app/meta/main.yml": "dependencies: [base]\n",
                       "files/x": "x\n", "other": "o\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def read(folder: Path, text: str) -> Recipe:
    path = folder / "web.yml"
    path.write_text(textwrap.dedent(text))
    static = Static(render=lambda value, variables: value, playbook_dir=str(folder))
    return parse(load(path, static), path=str(path), static=static)


WHOLE = """\
    base: {debian: bookworm, packages: [less]}
    roles: [app]
    tasks:
      - copy: {src: x, dest: /etc/x}
    inputs: [other]
    vars: {greeting: Hello}
"""


def test_a_whole_recipe(folder: Path) -> None:
    recipe = read(folder, WHOLE)
    assert (recipe.name, recipe.base, recipe.formats, recipe.vars) == ("web", {"debian": "bookworm", "packages": ["less"]}, ("tree",), {"greeting": "Hello"})
    assert [(step.name, step.kind) for step in recipe.steps] == [("app", "role"), ("tasks", "tasks")]


@pytest.mark.parametrize(("text", "words", "line"), [
    ("bass: {debian: bookworm}", "no 'bass'", 1), ("roles: []", "needs a `base`", 1), ("base: {debian: bookworm, tar: x}", "one of", 1),
    ("base: {debian: bookworm, strip: 1}", "no option 'strip'", 1), ("base: x\nformats: [iso]", "no format 'iso'", 2), ("base: x\nsize: big", "not a size", 2),
    ("base: x\nroles: app", "takes a list", 2), ("base: x\nroles: [nope]", "no role 'nope'", 2), ("base: x\nvars: [1]", "takes a mapping", 2),
    ("base: x\nplaybook: none.yml", "no playbook", 2), ("base: x\ninputs: [none]\nroles: [app]", "no input", 0), ("[1]", "is a mapping", 1),
    ("base: x\ntasks:\n  - cpoy: {}\n", "cpoy", 3),
])
def test_what_is_wrong_is_told_with_its_place(folder: Path, text: str, words: str, line: int) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read(folder, text)
    if line:
        assert caught.value.pos is not None and (Path(caught.value.pos.file).name, caught.value.pos.line) == ("web.yml", line)


@pytest.mark.parametrize(("change", "same"), [
    (lambda f: (f / "unrelated").write_text("new"), [True, True]),
    (lambda f: (f / "roles/app/tasks/main.yml").touch(), [True, True]),
    (lambda f: (f / "roles/app/tasks/main.yml").write_text("- ping:\n"), [False, True]),
    (lambda f: (f / "roles/app/templates/a.j2").chmod(0o755), [False, True]),
    (lambda f: (f / "roles/app/files").mkdir() or (f / "roles/app/files/new").write_text("1"), [False, True]),
    (lambda f: (f / "roles/base/tasks/main.yml").write_text("- ping:\n"), [False, True]),
    (lambda f: (f / "files/x").write_text("y"), [True, False]),
    (lambda f: (f / "other").write_text("p"), [False, False]),
])
def test_digests_of_steps(folder: Path, change: Callable[[Path], object], same: list[bool]) -> None:
    before = [step.digest for step in read(folder, WHOLE).steps]
    change(folder)
    assert [one == two for one, two in zip(before, [step.digest for step in read(folder, WHOLE).steps], strict=True)] == same


def test_parameters_of_a_role_and_tasks_count(folder: Path) -> None:
    def digests(text: str) -> list[str]:
        return [step.digest for step in read(folder, text).steps]
    assert digests("base: x\nroles: [{role: app, port: 1}]") != digests("base: x\nroles: [{role: app, port: 2}]")
    assert digests("base: x\ntasks: [{ping: }]") != digests("base: x\ntasks: [{ping: {data: a}}]")


def test_outputs_count_in_the_seal_alone(folder: Path) -> None:
    one, two = read(folder, "base: x\nformats: [tree]"), read(folder, "base: x\nformats: [tree, oci]")
    assert one.seal() != two.seal()
    assert read(folder, "base: x\nformats: [tree]\nsize: 3G").seal() == one.seal()  # there is no disk that would have a size
    assert read(folder, "base: x\nconfig: {Cmd: [sh]}").seal() != one.seal()


def test_disks_ask_for_a_guest(folder: Path) -> None:
    assert read(folder, "base: {debian: bookworm}\nformats: [qcow2]").base["guest"] is True
    assert "guest" not in read(folder, "base: {debian: bookworm}").base

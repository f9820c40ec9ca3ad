"""A folder to write a project into, and its loading with a real Jinja environment for the names of imports."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest

from fleet.errors import UndefinedError
from fleet.model import Playbook
from fleet.playbook import Static, load_playbook
from fleet.trust import is_template

_ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined)


def render(value: Any, variables: Mapping[str, Any]) -> Any:
    if not is_template(value):
        return value
    try:
        return _ENVIRONMENT.from_string(value).render(**variables)
    except jinja2.UndefinedError as error:
        raise UndefinedError(str(error)) from None


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.static = Static(render=render, playbook_dir=str(root))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        self.static.files.clear()
        return path

    def load(self, text: str, name: str = "site.yml") -> Playbook:
        return load_playbook(self.write(name, text), static=self.static)

    def tasks(self, text: str) -> list[Any]:
        """The tasks of a play that holds these."""
        return self.load("- hosts: all\n  tasks:\n" + textwrap.indent(textwrap.dedent(text), "    ")).plays[0].tasks

    def task(self, text: str) -> Any:
        [found] = self.tasks(text)
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)

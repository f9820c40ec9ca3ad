"""Tag selection as documented, and the listings."""

from __future__ import annotations

import pytest

from fleet.playbook.listing import list_tags, list_tasks, selected
from tests.playbook.conftest import Project

# a task's tags, --tags, --skip-tags, whether it runs
CASES = [
    ("", "", "", True),
    ("a", "", "", True),
    ("a", "a", "", True),
    ("a b", "b", "", True),
    ("a", "b", "", False),
    ("", "b", "", False),
    ("a", "", "a", False),
    ("a b", "a", "b", False),
    ("always", "b", "", True),
    ("always", "", "always", False),
    ("always a", "b", "a", False),
    ("never", "", "", False),
    ("never", "all", "", False),
    ("never a", "a", "", True),
    ("never", "never", "", True),
    ("never a", "tagged", "", False),
    ("a", "tagged", "", True),
    ("", "tagged", "", False),
    ("", "untagged", "", True),
    ("a", "untagged", "", False),
    ("a", "all", "", True),
    ("a", "", "tagged", False),
    ("", "", "tagged", True),
    ("", "", "untagged", False),
    ("a", "", "untagged", True),
    ("a", "", "all", False),
    ("always", "", "all", True),
]


@pytest.mark.parametrize(("tags", "only", "skip", "runs"), CASES)
def test_selected(tags: str, only: str, skip: str, runs: bool) -> None:
    assert selected(tags.split(), only.split(), skip.split()) is runs


BOOK = """
- name: first
  hosts: web
  tags: p
  roles: [{role: r, tags: q}]
  tasks:
    - debug:
      tags: x
    - meta: flush_handlers
    - block: [{name: inside, debug: , tags: [y]}]
      tags: b
      always: [{name: last, debug: }]
"""


def test_listings(project: Project) -> None:
    project.write("roles/r/tasks/main.yml", "- name: of role\n  debug:\n")
    project.write("roles/r/meta/main.yml", "dependencies: [d]\n")
    project.write("roles/d/tasks/main.yml", "- name: before\n  debug:\n")
    book = project.load(BOOK)
    assert list_tasks(book).splitlines()[3:] == [
        "  play #1 (web): first\tTAGS: [p]",
        "    tasks:",
        "      d : before\tTAGS: [p, q]",
        "      r : of role\tTAGS: [p, q]",
        "      debug\tTAGS: [p, x]",
        "      inside\tTAGS: [b, p, y]",
        "      last\tTAGS: [b, p]",
    ]
    assert list_tasks(book, only=["y"]).splitlines()[5:] == ["      inside\tTAGS: [b, p, y]"]
    assert "TASK TAGS: [b, p, q, x, y]" in list_tags(book)

"""The examples of docs/images.md: its recipe builds, its playbooks do what they say, and the second time nothing changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.virt.conftest import succeeded
from tests.virt.containersite import Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
RECIPE, BUILD, PUSH, ROLLOUT = re.findall(r"```yaml\n(.*?)```", (Path(__file__).parents[2] / "docs/images.md").read_text(), re.S)


def test_examples(boxes: ContainerSite, containers: Containers, kept: str) -> None:
    boxes.write("web.yml", RECIPE)
    boxes.write("roles/app/tasks/main.yml", "- copy: {content: '{{ greeting }}', dest: /etc/motd}\n")
    boxes.write("hosts", (boxes.path / "hosts").read_text() + "\n[aliases]\nbuild1 ansible_connection=local\n[hosts]\nhv1\n")

    def here(text: str) -> str:
        """The example with a store and names that are only the test's."""
        for module in ("image", "rollout"):
            text = text.replace(f"- {module}: {{", f"- {module}: {{store: {kept}, ").replace(f"- {module}:\n", f"- {module}:\n        store: {kept}\n")
        return text.replace("web1", containers.name("web1"))
    seen = boxes.run(here(BUILD))
    assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
    assert not seen.results("build1")[0].result["changed"] or seen.results("build1")[0].result["id"]
    again = boxes.run(here(BUILD))
    assert not again.results("build1")[0].result["changed"]
    name = containers.name("web2")
    succeeded(boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container: {{name: {name}, image: {kept}/web, "
                        "command: [sleep, '999'], state: running}\n"))
    for example in (PUSH, ROLLOUT):  # build1 and hv1 are one machine: there is nothing to send, and nothing old
        assert not succeeded(boxes.run(here(example)))["changed"]
    boxes.write("roles/app/tasks/main.yml", "- copy: {content: newer, dest: /etc/motd}\n")
    boxes.run(here(BUILD))
    assert succeeded(boxes.run(here(ROLLOUT)))["replaced"] == [name]
    assert succeeded(boxes.run(here(ROLLOUT)))["replaced"] == []

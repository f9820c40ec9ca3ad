"""The examples of the pages about virtualization are playbooks, and they do what they say: applied for real, the second time nothing changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Machine, succeeded

pytestmark = pytest.mark.virt
DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["guests", "networks", "storage", "snapshots"]
EXAMPLES = [pytest.param(block, id=f"{page}-{number}") for page in PAGES
            for number, block in enumerate(re.findall(r"```yaml\n(- .*?)```", (DOCS / f"{page}.md").read_text(), re.S), 1)]


@pytest.mark.parametrize("block", EXAMPLES)
def test_example(block: str, site: Site, guest: Machine, image: str) -> None:
    (site.path / "hosts").write_text((site.path / "hosts").read_text() + f"\n[hypervisors]\nhv1\nhv2\n[hypervisors:vars]\nimage={image}\n")
    succeeded(site.run(block))
    if "guest_snapshot" in block and "rescue" in block:
        return  # each run takes its snapshot and removes it
    again = site.run(block, diff=True)
    assert [(event.name, event.status, event.result.get("diff")) for event in again.results() if event.status not in ("ok", "skipped")] == []

"""The examples of the pages about virtualization are playbooks, and they do what they say: applied for real, the second time nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Hypervisor, Machine, succeeded

pytestmark = pytest.mark.virt
DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["networks", "storage", "snapshots", "migration"]
EXAMPLES = [pytest.param(block, id=f"{page}-{number}") for page in PAGES
            for number, block in enumerate(re.findall(r"```yaml\n(- .*?)```", (DOCS / f"{page}.md").read_text(), re.S), 1)]


@pytest.fixture
def everything_back(hypervisors: dict[str, Hypervisor], guest: Machine) -> Iterator[None]:
    """What the examples make of guests is gone afterwards, and g1 is where the other tests have it."""
    yield
    for hypervisor in hypervisors.values():
        for domain in hypervisor.connection.listAllDomains():
            if domain.name() != "g1" or hypervisor.name != "hv1":
                if domain.isActive():
                    domain.destroy()
                domain.undefine()
    for left in hypervisors["hv2"].images.glob("g1*"):
        left.rename(hypervisors["hv1"].images / left.name)
    guest.fresh()


def test_the_examples_of_guests(site: Site, guest: Machine, image: str, everything_back: None, own_keys: None) -> None:
    """Of docs/guests.md: each builds on the one before, and changes nothing when it is applied again."""
    (site.path / "hosts").write_text((site.path / "hosts").read_text() + f"\nhv1 image={image}\n")
    for block in re.findall(r"```yaml\n(- .*?)```", (DOCS / "guests.md").read_text(), re.S):
        succeeded(site.run(block))
        again = site.run(block, diff=True)
        assert [(event.name, event.status, event.result.get("diff")) for event in again.results() if event.status != "ok"] == [], block


@pytest.mark.parametrize("block", EXAMPLES)
def test_example(block: str, site: Site, fresh_guest: Machine, image: str, everything_back: None, own_keys: None) -> None:
    (site.path / "hosts").write_text((site.path / "hosts").read_text() + f"\n[hypervisors]\nhv1\nhv2\n[hypervisors:vars]\nimage={image}\n")
    succeeded(site.run(block))
    if "guest_snapshot" in block and "rescue" in block:
        return  # each run takes its snapshot and removes it
    again = site.run(block, diff=True)
    assert [(event.name, event.status, event.result.get("diff")) for event in again.results() if event.status not in ("ok", "skipped")] == []

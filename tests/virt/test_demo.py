"""The README's promise, as a user would see it: the demo's site applied twice, planned, changed by one variable, and applied again in Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.virt, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
PLACES = ["box", "h1", "h2", "h3", "hv1", "site", "web1"]
BAKED = {"box", "site", "web1"}  # made of an image that has the role already


class Demo:
    """The demo's commands on a lab of its own, in the repository's folder as a user runs them."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "FLEET_LAB": str(folder / "lab"), "FLEET_JOURNAL": str(folder / "journal"), "NO_COLOR": "1"}

    def fleet(self, *words: str, status: int = 0) -> str:
        done = subprocess.run([sys.executable, "-m", "fleet", *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=800)
        assert done.returncode == status, f"fleet {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
        return done.stdout

    def stats(self, *words: str, status: int = 0) -> dict[str, dict[str, int]]:
        lines = self.fleet(*words, "-i", "inventory", "--format", "json", status=status).splitlines()
        return dict(json.loads(lines[-1])["stats"])

    def changed(self, *words: str, status: int = 0) -> dict[str, int]:
        return {host: stats["changed"] for host, stats in self.stats(*words, status=status).items() if stats["changed"]}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("demo"))
    made.fleet("lab", "up", "3", "--hypervisors", "1")
    try:
        yield made
    finally:
        made.fleet("lab", "down")


def test_the_whole_demo(demo: Demo) -> None:
    for site in ("playbooks/site.yml", "playbooks/site.py"):
        seen = demo.fleet("plan", "-i", "inventory", site, "--detailed-exitcode", status=3)
        assert "web1, box, site: it is not there yet" in seen, "a plan of what is to come has no failures:\n" + seen
        assert re.search(r"image app: \S+ → ([0-9a-f]{12}) from hv1", seen), "nor does it leave out where the image goes:\n" + seen

    first: dict[str, Any] = demo.stats("apply", "playbooks/site.yml")
    assert sorted(first) == PLACES
    assert not any(stats["failed"] or stats["unreachable"] for stats in first.values()), first
    assert {place for place in PLACES if not first[place]["changed"]} == BAKED, "the role changes nothing where it was baked"
    assert all(first[place]["ok"] >= 5 for place in BAKED), "and it was applied there"

    assert demo.changed("apply", "playbooks/site.yml") == {}, "the second apply changes nothing"
    assert "in sync" in demo.fleet("plan", "-i", "inventory", "playbooks/site.yml", "--detailed-exitcode")

    seen = demo.fleet("plan", "-i", "inventory", "playbooks/site.yml", "-e", "greeting=Welcome", "--detailed-exitcode", status=3)
    assert seen.count("-<p>Hello from ") == seen.count("+<p>Welcome from ") == 1, "one line, the same on each place that has the role:\n" + seen
    assert "    h1, h2, h3, web1, box, site  /srv/app/index.html\n" in seen
    assert "6 changes pending" in seen
    everywhere = {place: 1 for place in PLACES if place != "hv1"}
    assert demo.changed("apply", "playbooks/site.yml", "-e", "greeting=Welcome") == everywhere
    assert demo.changed("apply", "playbooks/site.yml", "-e", "greeting=Welcome") == {}

    assert demo.changed("apply", "playbooks/site.yml") == everywhere, "and back"
    assert demo.changed("apply", "playbooks/site.py") == {}, "the same site in Python finds nothing to do"
    assert demo.changed("plan", "playbooks/site.py") == {}


def test_what_the_demo_says_to_try_next(demo: Demo) -> None:
    for line in (ROOT / "scripts/demo.sh").read_text().splitlines():
        if line.startswith("  .venv/bin/fleet "):
            words = line.split("     ")[0].replace("'cat /srv/app/index.html'", "cat_").split()[1:]
            demo.fleet(*(word.replace("cat_", "cat /srv/app/index.html") for word in words))
    assert "apply" in demo.fleet("history")

"""A lab of its own for the tests: real sshd in network namespaces, gone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.lab import Lab
from tests.engine.harness import Site


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as made:
        made.up(3)
        yield made


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    """A directory whose inventory is the lab."""
    found = Site(tmp_path)
    found.write("hosts", lab.inventory.read_text())
    return found

"""The pytest plugin: fixtures for those who test their playbooks, roles and modules. It is loaded wherever fleet is installed; see docs/testing.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fleet.testing.target import LabTarget, RootTarget, Target


@pytest.fixture
def fleet_target(request: pytest.FixtureRequest) -> Iterator[RootTarget]:
    """A target that is this machine with a temporary root; a new one for each test."""
    from fleet.testing.target import RootTarget

    target = RootTarget(request.config.rootpath)
    yield target
    target.close()


@pytest.fixture(scope="session")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Callable[[str], LabTarget]]:
    """Hosts of a lab, started when first asked for: `web = fleet_lab("h1")`; names are h1, h2 …. They live until the session ends."""
    from fleet.lab import Lab
    from fleet.testing.target import LabTarget

    with Lab(tmp_path_factory.mktemp("fleet-lab")) as lab:
        def host(name: str) -> LabTarget:
            lab.up(max(int(name.removeprefix("h")), 1))
            return LabTarget(lab, name, request.config.rootpath)
        yield host


@pytest.fixture
def fleet_host(fleet_lab: Callable[[str], LabTarget]) -> Target:
    """The lab's first host."""
    return fleet_lab("h1")

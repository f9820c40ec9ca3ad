"""What needs guests on the hypervisors of tests/virt is marked `guests`: scripts/test.sh runs it beside the rest."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "hypervisor_lab" in getattr(item, "fixturenames", ()):
            item.add_marker("guests")

"""For all tests. What needs guests on the hypervisors of tests/virt is marked `guests`: scripts/test.sh runs it beside the rest."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    # Whoever starts a command in the background of a script has it ignore Ctrl-C, and all that it starts; tests press it.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "hypervisor_lab" in getattr(item, "fixturenames", ()):
            item.add_marker("guests")

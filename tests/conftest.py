"""For all tests. What needs guests on the hypervisors of tests/virt is marked `guests`: scripts/test.sh runs it beside the rest."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    # Whoever starts a command in the background of a script, or by nohup, has it ignore these, and all that it starts; tests send them.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "hypervisor_lab" in getattr(item, "fixturenames", ()):
            item.add_marker("guests")

"""For the tests of those who write playbooks, roles and modules: see docs/dsl.md, "Tests"."""

from fleet.testing.simulated import Simulated, plausible

__all__ = ["Simulated", "plausible"]

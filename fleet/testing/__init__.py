"""For the tests of those who write playbooks, roles and modules: see docs/testing.md. The fixtures are in fleet.testing.plugin."""

from fleet.testing.simulated import Simulated, plausible
from fleet.testing.target import LabTarget, RootTarget, Target

__all__ = ["LabTarget", "RootTarget", "Simulated", "Target", "plausible"]

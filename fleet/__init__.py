"""fleet: agentless automation for virtualized fleets."""

__version__ = "0.1.0"

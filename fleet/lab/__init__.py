"""The practice fleet: throw-away SSH hosts in network namespaces of this machine. See docs/lab.md."""

from fleet.lab.lab import Lab

__all__ = ["Lab"]

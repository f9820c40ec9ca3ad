"""Playbooks run on a schedule, to find drift or to repair it. See docs/reconcile.md."""

from fleet.reconcile.entries import Entry, entries, select
from fleet.reconcile.run import Report, reconcile

__all__ = ["Entry", "Report", "entries", "reconcile", "select"]

"""Every run, recorded in SQLite as its events happen. See docs/journal.md."""

from fleet.journal.journal import Journal

__all__ = ["Journal"]

"""Every run, recorded in SQLite as its events happen. See docs/journal.md."""

from fleet.journal.history import History, unfinished
from fleet.journal.journal import Journal

__all__ = ["History", "Journal", "unfinished"]

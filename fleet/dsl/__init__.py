"""Playbooks in typed Python, direct style: see docs/dsl.md."""

from fleet.dsl.host import Host, TaskFailed
from fleet.dsl.plays import PyPlay, load, play
from fleet.dsl.result import Record, Result
from fleet.dsl.rollback import snapshot

__all__ = ["Host", "PyPlay", "Record", "Result", "TaskFailed", "load", "play", "snapshot"]

"""What a person sees of a run: a line a task, more where something changed or failed, a recap.

On a terminal a progress line stands below; in a pipe there are only plain lines. Hosts that are ok are counted, those that are not are named.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from typing import Any, TextIO

from fleet.events import (
    Event,
    HostStats,
    HostUnreachable,
    Note,
    Output,
    PlayStarted,
    ResultItem,
    RunFinished,
    RunStarted,
    TaskResult,
    TaskRetry,
    TaskStarted,
)
from fleet.report.text import differences, readable, safe

_CODES = {"plain": "", "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "magenta": "35"}
_COLOURS = {"ok": "green", "changed": "yellow", "failed": "red", "unreachable": "red", "skipped": "cyan", "rescued": "yellow", "ignored": "magenta",
            "not predicted": "magenta"}
_SHOWN = ("debug", "assert", "pause")  # their message is the point of them
_TAIL = 40  # lines of a failed command's output that are shown
_MANY = 40  # hosts, above which the recap leaves out those without news
_NAMED = 8  # hosts with the same news that are named; the others are counted
_HOST = "\0"  # stands for the host's name in its lines, until it is known which hosts say the same; no text of a target can hold it


class _Step:
    """A task in progress: who is through with what."""

    def __init__(self, event: TaskStarted) -> None:
        self.event = event
        self.done: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}
        self.began = time.monotonic()


class Console:
    """A subscriber that prints to a stream. color and live default to what the stream and the environment ask for."""

    def __init__(self, stream: TextIO, *, verbosity: int = 0, settings: Any = None, color: bool | None = None, live: bool | None = None,
                 width: int | None = None) -> None:
        self.stream = stream
        self.verbosity = verbosity
        tty = stream.isatty()
        forced = "FORCE_COLOR" in os.environ or bool(settings and settings.force_color)
        plain = "NO_COLOR" in os.environ or bool(settings and settings.nocolor) or os.environ.get("TERM") == "dumb"
        self.color = color if color is not None else forced or (tty and not plain)
        self.live = live if live is not None else tty and os.environ.get("TERM") != "dumb"
        self.width = width or shutil.get_terminal_size().columns
        self.skipped = bool(settings and settings.display_skipped_hosts)
        self.limit = settings.max_diff_size if settings else 104448
        self.steps: dict[int, _Step] = {}
        self.check = False
        self.command = ""
        self.unpredicted = 0  # tasks of which check mode cannot say what they would do
        self.hosts: list[str] = []
        self._progress = False
        self._last = 0.0

    # -- writing

    def paint(self, colour: str, text: str) -> str:
        code = _CODES[colour]
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text

    def write(self, *lines: str) -> None:
        self._erase()
        self.stream.write("".join(line + "\n" for line in lines))
        self.stream.flush()

    def _erase(self) -> None:
        if self._progress:
            self.stream.write("\r\x1b[K")
            self._progress = False

    def progress(self, now: bool = False) -> None:
        """The line at the bottom: the newest task and how far it is."""
        if not self.live or not self.steps or (not now and time.monotonic() - self._last < 0.1):
            return
        self._last = time.monotonic()
        step = next(reversed(self.steps.values()))
        waiting = step.event.hosts - len(step.done)
        text = f"  {safe(step.event.name)} … {len(step.done)}/{step.event.hosts}"
        if 0 < waiting <= 3:
            text += "  waiting for " + ", ".join([host for host in self.hosts if host not in step.done][:3])
        self.stream.write("\r\x1b[K" + self.paint("dim", text[:self.width - 1]))
        self.stream.flush()
        self._progress = True

    # -- events

    def __call__(self, event: Event) -> None:
        handle = getattr(self, "on_" + type(event).__name__, None)
        if handle is not None:
            handle(event)
        self.progress()

    def on_RunStarted(self, event: RunStarted) -> None:
        self.check, self.command = event.check, event.command

    def on_PlayStarted(self, event: PlayStarted) -> None:
        self.flush()
        self.hosts = event.hosts
        batch = f", batch {event.batch} of {event.batches}" if event.batches > 1 else ""
        hosts = f"{len(event.hosts)} host" + ("s" if len(event.hosts) != 1 else "")
        self.write("", self.paint("bold", safe(event.name)) + self.paint("dim", f"  {hosts}{batch}"))

    def on_TaskStarted(self, event: TaskStarted) -> None:
        for number in [number for number, step in self.steps.items() if len(step.done) >= step.event.hosts]:
            self.finish(number)
        self.steps[event.task] = _Step(event)
        self.progress(now=True)

    def on_TaskResult(self, event: TaskResult) -> None:
        step = self.steps.get(event.task)
        if step is None:  # a host of a free play that came by when the task had been shown
            self.write(*self.merged({event.host: self.detail(event)}))
            return
        unpredicted = self.check and event.result.get("unpredicted") and event.status in ("skipped", "ok")
        step.done[event.host] = "not predicted" if unpredicted else event.status
        if not event.items or event.status in ("failed", "rescued", "ignored", "unreachable"):
            step.lines.setdefault(event.host, []).extend(self.detail(event, show=not event.items))
        for warning in event.result.get("warnings") or ():
            step.lines.setdefault(event.host, []).append(self.paint("magenta", f"    {_HOST}: warning: {safe(warning)}"))
        if len(step.done) >= step.event.hosts:
            self.finish(event.task)

    def on_ResultItem(self, event: ResultItem) -> None:
        step = self.steps.get(event.task)
        if step is not None:
            step.lines.setdefault(event.host, []).extend(self.detail(event, item=f" ({safe(event.label)})"))

    def on_TaskRetry(self, event: TaskRetry) -> None:
        if self.verbosity or self.live:
            self.write(self.paint("dim", f"    {safe(event.host)}: not yet, {event.left} more tries"))

    def on_HostUnreachable(self, event: HostUnreachable) -> None:
        pass  # its TaskResult says so

    def on_Output(self, event: Output) -> None:
        self.write(*(f"    {safe(event.host)} | {safe(line)}" for line in event.text.splitlines()))

    def on_Note(self, event: Note) -> None:
        if event.level == "debug" and self.verbosity < 2:
            return
        colour = {"error": "red", "warning": "magenta"}.get(event.level, "plain")
        head = f"{event.position}: " if event.position else ""
        host = f"{safe(event.host)}: " if event.host else ""
        word = "" if event.level in ("info", "debug") else f"{event.level}: "
        self.write(self.paint(colour, f"{word}{head}{host}{safe(event.message)}"), *([self.paint("dim", f"  {safe(event.hint)}")] if event.hint else []))

    def on_RunFinished(self, event: RunFinished) -> None:
        self.flush()
        self.recap(event)

    # -- tasks

    def finish(self, number: int) -> None:
        """Print a task that all its hosts are through with."""
        step = self.steps.pop(number)
        counts: dict[str, int] = {}
        for status in step.done.values():
            counts[status] = counts.get(status, 0) + 1
        lines = self.merged(step.lines)
        self.unpredicted += "not predicted" in counts
        if set(counts) <= {"skipped"} and not self.skipped and not self.verbosity and not lines:
            return
        shown = "  ".join(self.paint(_COLOURS[status], f"{count} {status}" if len(step.done) > 1 else status) for status, count in counts.items())
        role = self.paint("dim", f"{safe(step.event.role)}: ") if step.event.role else ""
        mark = self.paint("dim", "handler ") if step.event.handler else ""
        took = time.monotonic() - step.began
        slow = self.paint("dim", f"  {took:.1f} s") if took >= 1 else ""
        self.write(f"  {mark}{role}{safe(step.event.name)}  {shown}{slow}", *lines)

    def merged(self, lines: dict[str, list[str]]) -> list[str]:
        """The hosts' lines in the hosts' order, those of hosts that say the same once."""
        order = {host: index for index, host in enumerate(self.hosts)}
        same: dict[tuple[str, ...], list[str]] = {}
        for host in sorted(lines, key=lambda host: order.get(host, -1)):
            same.setdefault(tuple(lines[host]), []).append(host)
        return [line.replace(_HOST, self.names(hosts)) for block, hosts in same.items() for line in block]

    def names(self, hosts: list[str]) -> str:
        shown = hosts if self.verbosity or len(hosts) <= _NAMED else hosts[:_NAMED - 2]
        return ", ".join(map(safe, shown)) + (f" and {len(hosts) - len(shown)} more" if len(shown) < len(hosts) else "")

    def flush(self) -> None:
        for number in list(self.steps):
            self.finish(number)
        self._erase()

    def detail(self, event: TaskResult | ResultItem, item: str = "", show: bool = True) -> list[str]:
        """The lines below a task for one host or item that has news; _HOST stands for the host's name."""
        result, status = event.result, event.status
        action = getattr(event, "action", "") or (self.steps[event.task].event.action if event.task in self.steps else "")
        name, lines = f"{_HOST}{item}", []
        message = result.get("msg")
        if status in ("failed", "unreachable", "rescued", "ignored"):
            head = self.paint(_COLOURS[status], f"{name}: {status}")
            text = _indent(readable(message)) if message else "failed"
            lines.append(f"    {head}:{text}" if text[0] == "\n" else f"    {head}: {text}")
            if result.get("assertion") is not None:
                lines.append(f"      {safe(result['assertion'])}")
            if result.get("hint"):
                lines.append(self.paint("dim", f"      {safe(result['hint'])}"))
            place = getattr(event, "position", "")
            if place and status != "unreachable" and not _placed(message):
                lines.append(self.paint("dim", f"      at {safe(place)}"))
            for stream in ("stdout", "stderr", "module_stderr"):
                lines += self.tail(stream, result.get(stream))
            if result.get("exception") and result["exception"] != message and self.verbosity:
                lines += self.tail("exception", result["exception"])
        elif result.get("not_yet"):
            lines.append(f"    {self.paint('magenta', name)}: {_indent(readable(message))}")
        elif status == "changed":
            lines.append(f"    {self.paint('yellow', name)}{self.paint('dim', _what(result))}")
        elif action in _SHOWN and status == "ok" and show and (message is not None or action == "debug"):
            kept = {k: v for k, v in result.items() if k not in ("changed", "failed", "ansible_loop_var", "item") and not k.startswith("_ansible")}
            lines.append(f"    {name}: {_indent(readable(message) if message is not None else readable(kept))}")
        elif self.verbosity:
            lines.append(f"    {self.paint(_COLOURS[status], f'{name}: {status}')}{self.paint('dim', _reason(result))}")
        if result.get("diff") and status in ("changed", "failed"):
            lines += [f"      {line}" for line in differences(result, self.limit, self.paint)]
        if (self.command == "run" or self.verbosity) and status in ("ok", "changed"):
            for stream in ("stdout", "stderr"):
                lines += self.tail(stream, result.get(stream), bare=self.command == "run" and stream == "stdout")
        if self.verbosity > 1:
            lines += [f"      {line}" for line in readable({k: v for k, v in result.items() if k != "diff"}).splitlines()]
        elif self.command == "run" and status == "ok" and "stdout" not in result and action not in _SHOWN:
            rest = {k: v for k, v in result.items() if k not in ("changed", "failed", "diff")}
            lines = [f"    {self.paint('green', name)}", *(f"      {line}" for line in readable(rest).splitlines())]
        return lines

    def tail(self, stream: str, text: Any, bare: bool = False) -> list[str]:
        if not isinstance(text, str) or not text.strip():
            return []
        lines = safe(text.rstrip()).splitlines()
        more = [self.paint("dim", f"      … {len(lines) - _TAIL} lines before")] if len(lines) > _TAIL and not self.verbosity else []
        lines = lines if self.verbosity else lines[-_TAIL:]
        mark = "      " if bare else "      " + self.paint("dim", f"{stream}| ")
        return [*more, *(mark + line for line in lines)]

    # -- the end

    def recap(self, event: RunFinished) -> None:
        hosts = event.stats
        news = {name: stats for name, stats in hosts.items() if len(hosts) <= _MANY or stats.failed or stats.unreachable or stats.changed}
        if hosts:
            self.write("", self.paint("bold", "Recap"))
        width = max((len(name) for name in news), default=0)
        for name, stats in list(news.items())[:500]:
            self.write(f"  {self.paint(_worst(stats), safe(name).ljust(width))}  {self._counts(stats)}")
        if len(news) < len(hosts):
            self.write(self.paint("dim", f"  and {len(hosts) - len(news)} hosts without changes"))
        for name, own in sorted(event.custom_stats.items()):
            head = "" if name == "_run" else f"{safe(name)}: "
            self.write(*(f"  {self.paint('dim', 'stat')} {head}{safe(key)}: {_indent(readable(value))}" for key, value in own.items()))
        self.write("  " + self.verdict(event, hosts.values()))

    def _counts(self, stats: HostStats) -> str:
        parts = []
        for status in ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"):
            count = getattr(stats, status)
            if count or status in ("ok", "changed", "failed"):
                parts.append(self.paint(_COLOURS[status] if count else "dim", f"{status} {count}".ljust(len(status) + 4)))
        return " ".join(parts).rstrip()

    def verdict(self, event: RunFinished, all_stats: Iterable[HostStats]) -> str:
        stats = list(all_stats)
        changed, failed = sum(each.changed for each in stats), sum(1 for each in stats if each.failed)
        lost = sum(1 for each in stats if each.unreachable)
        tail = self.paint("dim", f"  {event.duration:.1f} s, run {event.run}")
        if event.interrupted:
            return self.paint("yellow", "interrupted") + tail
        if event.error:
            return self.paint("red", "stopped by an error") + tail
        bad = [text for count, text in ((failed, f"{failed} failed"), (lost, f"{lost} unreachable")) if count]
        if bad:
            return self.paint("red", ", ".join(bad) + f" of {len(stats)} host{'s' if len(stats) != 1 else ''}") + tail
        if self.check:
            pending = f"{changed} change" + ("s" if changed != 1 else "") + " pending"
            doubt = f", {self.unpredicted} task{'s' if self.unpredicted != 1 else ''} not predicted" if self.unpredicted else ""
            return (self.paint("yellow", pending) if changed else self.paint("green", "in sync")) + self.paint("magenta", doubt) + tail
        return self.paint("green", "done" + (f", {changed} changed" if changed else ", nothing changed")) + tail

    def close(self) -> None:
        self.flush()
        self.stream.flush()


def _placed(message: Any) -> bool:
    """Whether a message begins with a place in a file."""
    return isinstance(message, str) and re.match(r"[^\s:]+:\d+(:\d+)?: ", message) is not None


def _indent(text: str) -> str:
    return text if "\n" not in text else "\n" + "\n".join(f"      {line}" for line in text.splitlines())


def _what(result: Any) -> str:
    place = result.get("dest") or result.get("path") or result.get("name")
    return f"  {safe(place)}" if isinstance(place, str) else ""


def _reason(result: Any) -> str:
    condition = result.get("false_condition")
    return f"  ({safe(condition)} is false)" if condition is not None else ""


def _worst(stats: HostStats) -> str:
    return "red" if stats.failed or stats.unreachable else "yellow" if stats.changed else "green"

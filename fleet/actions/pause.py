"""Wait some time, or for a person."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import select
import sys
import time
from typing import Any

from fleet.actions import Call
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "pause", "Wait some time, or for a person at the terminal",
    {
        "minutes": Opt("float", "How long, in minutes."),
        "seconds": Opt("float", "How long, in seconds."),
        "prompt": Opt("str", "What to ask; Enter goes on. With a time, it waits for that time at most."),
        "echo": Opt("bool", "Show what is typed.", default=True),
    },
    mutually_exclusive=[("minutes", "seconds")],
    returns={
        "user_input": Ret("str", "What was typed."),
        "start": Ret("str", "When it began."),
        "stop": Ret("str", "When it ended."),
        "delta": Ret("int", "Whole seconds it took."),
        "stdout": Ret("str", "How long it waited, in words."),
        "echo": Ret("bool", "The option."),
        "rc": Ret("int", "0."),
    },
    notes=["Without a terminal nobody can answer: a prompt then goes on at once, with a warning."],
    examples="""
- pause:
    seconds: 10

- pause:
    prompt: Look at the new node in the balancer, then press Enter
  run_once: true
""")


def run(call: Call) -> dict[str, Any]:
    args = call.args
    seconds = args.minutes * 60 if args.minutes is not None else args.seconds
    if seconds is not None:
        seconds = max(seconds, 0.0)
    start = datetime.datetime.now()
    began = time.monotonic()
    typed = ""
    if args.prompt is not None or seconds is None:
        prompt = args.prompt or "Press Enter to continue"
        if sys.stdin is not None and sys.stdin.isatty():
            typed = call.blocking(_ask, prompt, args.echo, seconds)
        else:
            call.warn("Not waiting for response to prompt as stdin is not interactive")
            call.sleep(seconds or 0.0)
    else:
        call.sleep(seconds or 0.0)
    delta = time.monotonic() - began
    words = f"{round(delta / 60, 2)} minutes" if args.minutes is not None else f"{round(delta, 2)} seconds"
    return {"user_input": typed, "start": str(start), "stop": str(datetime.datetime.now()), "delta": int(delta), "rc": 0, "stderr": "",
            "stdout": f"Paused for {words}", "echo": args.echo}


def _ask(prompt: str, echo: bool, seconds: float | None) -> str:
    """One line from the terminal; empty when the time is over first."""
    if not echo and seconds is None:
        return getpass.getpass(prompt + ": ")
    print(prompt + ":", end=" ", file=sys.stderr, flush=True)
    with _silent(not echo):
        ready = seconds is None or bool(select.select([sys.stdin], [], [], seconds)[0])
        return sys.stdin.readline().rstrip("\n") if ready else ""


@contextlib.contextmanager
def _silent(wanted: bool) -> Any:
    """The terminal without echo."""
    if not wanted:
        yield
        return
    import termios
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)

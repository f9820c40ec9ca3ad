"""Fail unless conditions hold."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.actions._conditions import holds, pairs
from fleet.errors import ArgumentError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "assert", "Fail unless conditions hold",
    {
        "that": Opt("raw", "A condition, or a list of them, written as in `when`.", required=True),
        "fail_msg": Opt("raw", "The message (or list of lines) when one does not hold.", aliases=["msg"]),
        "success_msg": Opt("raw", "The message when all hold."),
        "quiet": Opt("bool", "Say little when all hold.", default=False),
    },
    returns={
        "msg": Ret("raw", "The message."),
        "assertion": Ret("raw", "The condition that does not hold.", returned="failed"),
        "evaluated_to": Ret("bool", "What it is.", returned="failed"),
    },
    examples="""
- assert:
    that:
      - ansible_memtotal_mb >= 1024
      - app_user is defined
    fail_msg: this role needs 1 GiB of memory and app_user
""")


def run(call: Call) -> dict[str, Any]:
    args = call.args
    for name in ("fail_msg", "success_msg"):
        lines = args[name] if isinstance(args[name], list) else [args[name]]
        if not all(line is None or isinstance(line, str) for line in lines):
            raise ArgumentError(f"assert: `{name}` takes text or a list of texts, not {args[name]!r}")
    written = call.task.args.get("that") if isinstance(call.task.args, dict) else None
    for condition, own in pairs(written, args.that):
        if condition is None or condition == "":
            raise ArgumentError("assert: Empty conditional expression in `that`", hint="remove the empty item")
        if not holds(call, condition, own):
            return {"failed": True, "evaluated_to": False, "assertion": condition,
                    "msg": "Assertion failed" if args.fail_msg is None else args.fail_msg}
    if args.quiet:
        return {}
    return {"msg": "All assertions passed" if args.success_msg is None else args.success_msg}

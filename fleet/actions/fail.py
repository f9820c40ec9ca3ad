"""Fail with a message."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "fail", "Fail with a message",
    {"msg": Opt("str", "Why.", default="Failed as requested from task")},
    returns={"msg": Ret("str", "The message.")},
    examples="""
- fail:
    msg: this role knows Debian only
  when: ansible_os_family != "Debian"
""")


def run(call: Call) -> dict[str, Any]:
    return {"failed": True, "msg": call.args.msg}

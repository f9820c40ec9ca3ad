"""Answer, to show that the target and its Python can be used."""
from typing import Any, Dict

from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "ping", "Check that a target can be reached and runs Python",
    {"data": Opt("str", "What to answer; `crash` makes the module fail, to try out error handling.", default="pong")},
    returns={"ping": Ret("str", "The value of `data`.")},
    examples="""
- name: Is it there
  ping:
""")


def run(m):
    # type: (Module) -> Dict[str, Any]
    if m.args.data == "crash":
        m.fail("boom: `data: crash` was asked for")
    return {"ping": m.args.data}

"""Show a message or a variable."""

from __future__ import annotations

from typing import Any

from fleet.actions import Call
from fleet.errors import ArgumentError, UndefinedError
from fleet.runner.spec import Opt, Ret, Spec
from fleet.template import OMIT
from fleet.trust import Trusted, Unsafe, is_template, is_written

SPEC = Spec(
    "debug", "Show a message or a variable's value",
    {
        "msg": Opt("raw", "What to show.", default="Hello world!"),
        "var": Opt("raw", "The name of a variable, or an expression, without braces."),
        "verbosity": Opt("int", "Show it only when at least this many -v were given.", default=0),
    },
    mutually_exclusive=[("msg", "var")],
    returns={"msg": Ret("raw", "The message.", returned="msg given")},
    examples="""
- debug:
    msg: "{{ inventory_hostname }} runs {{ ansible_distribution }}"

- debug:
    var: ansible_facts.mounts
    verbosity: 2
""")

def run(call: Call) -> dict[str, Any]:
    if int(call.vars.get("ansible_verbosity") or 0) < call.args.verbosity:
        return {"skipped": True, "skipped_reason": "Verbosity threshold not met."}
    name = call.args.var
    if name is None:
        return {"msg": call.args.msg}
    if not isinstance(name, str):
        raise ArgumentError(f"debug: `var` takes a variable's name; this is of type {type(name).__name__}, which is not a string and "
                            "conversion is not allowed", hint="use `msg` to show a value")
    written = call.task.args.get("var") if isinstance(call.task.args, dict) else None
    if isinstance(written, Unsafe) or (is_template(written) and not is_written(name)):
        raise ArgumentError(f"debug: `var` is an untrusted template or expression: {name!r}",
                            hint="`var` takes a name or expression without braces; use `msg` to show a template's result")
    try:
        value = call.render(Trusted("{{ " + name + " }}"))
        if value is not OMIT:
            return {name: value}
        call.warn(f"{name}: its value is `omit`, which could not be omitted here")
        return {name: "<<Omit>>"}
    except UndefinedError as error:
        call.warn(f"{name}: {error.message}")
        return {name: "VARIABLE IS NOT DEFINED!"}

"""Variables and arguments against a spec."""

from __future__ import annotations

from typing import Any

from fleet import argspec
from fleet.actions import Call
from fleet.errors import ArgumentError, SourceError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "validate_argument_spec", "Check variables and arguments against a spec",
    {
        "argument_spec": Opt("dict", "The options, each a mapping of type, required, default, choices, elements, options, aliases, no_log.", required=True),
        "provided_arguments": Opt("dict", "Values, above those that variables of these names have.", default={}),
        "validate_args_context": Opt("dict", "What is checked, for the result.", default={}),
    },
    returns={"msg": Ret("str", "What is wrong, or that nothing is."),
             "argument_errors": Ret("list", "A sentence for each mistake.", returned="failed", elements="str"),
             "argument_spec_data": Ret("dict", "The spec.", returned="failed"), "validate_args_context": Ret("dict", "The option.")},
    notes=["A role with meta/argument_specs.yml begins with such a task. What of its parameters is written out is checked before any host is touched."],
    examples="""
- validate_argument_spec:
    argument_spec:
      port: {type: int, required: true}
      level: {choices: [debug, info]}
""")


def run(call: Call) -> dict[str, Any]:
    args = call.args
    try:
        declared = argspec.spec("argument_spec", args.argument_spec, call.task.pos)
    except SourceError as error:
        raise ArgumentError(f"validate_argument_spec: {error.message}", hint=error.hint) from None
    values = {name: call.vars[name] for name in declared.names if name in call.vars}
    wrong = argspec.check(declared, {**values, **args.provided_arguments})
    context = {"validate_args_context": args.validate_args_context}
    if not wrong:
        return {"msg": "The arg spec validation passed", **context}
    return {"failed": True, "msg": "Validation of arguments failed:\n" + "\n".join(wrong), "argument_errors": wrong,
            "argument_spec_data": args.argument_spec, **context}

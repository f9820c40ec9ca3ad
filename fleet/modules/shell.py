"""Run a command line through a shell."""
from typing import Any, Dict, Generator

from fleet.modules._command import RETURNS, carry_out, options
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "shell", "Run a command line through a shell",
    dict(options(), executable=Opt("path", "The shell, an absolute path.", default="/bin/sh")),
    returns=RETURNS, check="partial", free_form="_raw_params", required_one_of=[("_raw_params",)],
    notes=["Quote what comes from variables: `{{ name | quote }}`.",
           "What a command does cannot be predicted: check mode skips it, unless `creates` or `removes` decides."],
    examples="""
- name: Count the users
  shell: wc -l < /etc/passwd
  register: users
  changed_when: false
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    if not m.args._raw_params:
        m.fail("no command given", rc=256)
    return (yield from carry_out(m, m.args._raw_params, m.args.executable))

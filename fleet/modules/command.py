"""Run a program, without a shell."""
import os
import shlex
from typing import Any, Dict, Generator

from fleet.modules._command import RETURNS, carry_out, options
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "command", "Run a command without a shell",
    dict(
        options(),
        argv=Opt("list", "The command as a list of words, taken as they are.", elements="str"),
        executable=Opt("path", "Without effect here; `shell` has it. Accepted with a warning for playbooks that still say it."),
        expand_argument_vars=Opt("bool", "Replace $VARIABLES and ~ in the words.", default=True)),
    returns=RETURNS, check="partial", free_form="_raw_params",
    notes=["No shell: `|`, `>`, `&&` and `*` mean nothing special. Use `shell` where they are needed.",
           "What a command does cannot be predicted: check mode skips it, unless `creates` or `removes` decides."],
    examples="""
- name: Initialise the database once
  command: /usr/bin/make_database.sh db_user db_name
  args:
    creates: /path/to/database

- name: A word with spaces
  command:
    argv: [/usr/bin/echo, "two words"]
""")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    if m.args.executable:
        m.warn("the option 'executable' is no longer supported with the 'command' module; not using %r" % m.args.executable)
    if m.args._raw_params and m.args.argv:
        m.fail("parameters are mutually exclusive: cmd (or free text), argv", rc=256)
    if not m.args._raw_params and not m.args.argv:
        m.fail("no command given: one of the following is required: cmd (or free text), argv", rc=256)
    try:
        words = list(m.args.argv) if m.args.argv else shlex.split(m.args._raw_params or "")
    except ValueError as error:
        m.fail("cannot split the command into words: %s" % error, cmd=m.args._raw_params, rc=256)
    if not words:
        m.fail("no command given: it is empty", rc=256)
    written = words
    if m.args.expand_argument_vars:
        words = [os.path.expanduser(os.path.expandvars(word)) for word in words]
    return (yield from carry_out(m, words, written=written))

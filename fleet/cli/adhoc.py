"""`fleet run`: one module on hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fleet import registry
from fleet.cli import complete
from fleet.cli import options as shared
from fleet.cli.apply import reporters
from fleet.errors import Pos, SourceError
from fleet.model import Play, Playbook, Task


@click.command("run", cls=shared.Command)
@click.argument("pattern")
@click.option("-m", "--module-name", "module", cls=shared.Option, section="What", default="command", metavar="MODULE",
              shell_complete=complete.modules, help="The module; command by default.")
@click.option("-a", "--args", "arguments", cls=shared.Option, section="What", default="", metavar="ARGS",
              help="Its arguments: name=value words, JSON, or free text.")
@click.option("-C", "--check", cls=shared.Option, section="What", is_flag=True, help="Change nothing.")
@shared.run_options
def command(pattern: str, module: str, arguments: str, check: bool, **given: Any) -> int:
    """Run one module on the hosts that PATTERN means.

    \b
      fleet run -i hosts.ini web -a uptime
      fleet run -i hosts.ini all -b -m apt -a 'name=nginx state=latest' --check

    Exit status: as apply.
    """
    from fleet.api import run_playbook
    options, settings = shared.read(given, Path(), check=check)
    pos = Pos("command line")
    action = registry.canonical(module)
    args, free = _arguments(action, arguments, pos)
    task = Task(pos, action, args, free, name=f"{action} {arguments}".strip())
    play = Play(pos, pattern, name=pattern, tasks=[task], gather_facts=False, basedir=str(Path.cwd()), strategy="free")
    with reporters(options, settings) as subscribers:
        outcome = run_playbook([], options, settings, check=options.check, command="run", subscribers=subscribers, books=[Playbook("(run)", [play])])
    return outcome.status


def _arguments(action: str, text: str, pos: Pos) -> tuple[dict[str, Any], str | None]:
    """The options and the free text of -a, checked. Raises SourceError."""
    from fleet import yamlfile
    from fleet.playbook.freeform import RAW_OPTIONS, split
    from fleet.trust import is_template
    from fleet.validate import check_static, validate
    if action in ("include_role", "include_tasks", "meta"):  # the engine's own
        return split(text, () if action == "meta" else None, pos)
    spec = registry.spec(action)
    if text.lstrip().startswith("{"):
        args, free = dict(yamlfile.load(text, "-a")), None
    else:
        args, free = split(text, RAW_OPTIONS if spec.free_form else None, pos)
    if free is not None and spec.free_form is None:
        raise SourceError(f"{action} takes options as NAME=VALUE, not '{free}'", pos=pos)
    given = {**args, **({spec.free_form: free} if free is not None and spec.free_form else {})}
    check_static(spec, given, lambda name: pos)
    if not is_template(given):
        validate(spec, given)  # nothing is left to be known later
    return args, free

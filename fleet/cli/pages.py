"""All pages that are made from code, and what is written with them: `make docs`, or `python -m fleet.cli.pages [ROOT]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from fleet.cli import COMMANDS, group
from fleet.dsl import stubs
from fleet.report import docs, reference
from fleet.report.docs import cell
from fleet.template import reference as templating
from fleet.virt import document

ROOT = Path(__file__).parents[2]

_HEAD = """# Command line

Made from the commands by `make docs`; `fleet COMMAND --help` shows the same. `fleet --version` prints the version. `fleet-playbook` is `fleet apply` by the
name, with the options and with the output of ansible-playbook.

`eval "$(_FLEET_COMPLETE=bash_source fleet)"` in `~/.bashrc` makes Tab complete commands, options, modules, entries and runs (`zsh_source`, `fish_source`
likewise).

An error is one message on stderr that names the file, line and column, what is wrong and what to do; `--debug` adds the traceback. `NO_COLOR` and
`FORCE_COLOR` are respected.
"""


def cli() -> str:
    """docs/cli.md."""
    return _HEAD + "".join(_command(["fleet", name], group.get_command(click.Context(group), name)) for name in COMMANDS)


def _command(path: list[str], command: click.Command | None) -> str:
    assert command is not None
    ctx = click.Context(command, info_name=" ".join(path))
    usage = " ".join([*path, *command.collect_usage_pieces(ctx)])
    lines = ["", f"{'#' * len(path)} {' '.join(path)}", "", "```", usage, "```", "", _prose(command.help or ""), ""]
    rows = [row for param in command.get_params(ctx) if isinstance(param, click.Option) and not param.hidden and "--help" not in param.opts
            for row in _option(param, ctx)]
    if rows:
        lines += ["| option | meaning |", "|---|---|", *rows, ""]
    text = "\n".join(lines)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            text += _command([*path, name], command.get_command(ctx, name))
    return text


def _prose(text: str) -> str:
    return "\n".join(line.strip() for line in text.replace("\b", "").strip().splitlines())


def _option(param: click.Option, ctx: click.Context) -> Iterator[str]:
    record = param.get_help_record(ctx)
    if record is not None:
        names, meaning = record
        yield f"| `{cell(names)}` | {cell(meaning)} |"


def pages() -> dict[str, str]:
    """Everything that is made, by its path in the repository."""
    return {
        "docs/cli.md": cli(), "docs/settings.md": reference.settings(), "docs/events.md": reference.event_page(), "docs/templating.md": templating.markdown(),
        **{f"docs/modules/{name}": text for name, text in docs.pages().items()},
        "docs/guests.md": document.page((ROOT / "docs/guests.md").read_text()),
        "fleet/dsl/tasks.pyi": stubs.text(),
    }


def main(root: Path) -> None:
    """Write what differs, and take away pages of modules that are gone."""
    made = pages()
    for old in (root / "docs/modules").glob("*.md"):
        if f"docs/modules/{old.name}" not in made:
            old.unlink()
            print(f"removed {old}")
    for name, text in made.items():
        path = root / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())

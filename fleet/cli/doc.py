"""`fleet doc`: what a module takes and returns, from its spec."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from fleet import registry
from fleet.cli import complete
from fleet.errors import UsageError
from fleet.report.docs import markdown, text, themes, write_pages


@click.command("doc")
@click.argument("name", required=False, shell_complete=complete.modules)
@click.option("-l", "--list", "list_", is_flag=True, help="All modules, one line each.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", help="For a terminal, a page, or programs.")
@click.option("--write", type=click.Path(path_type=Path), metavar="DIR", help="Write one page a module, and an index.")
@click.option("--debug", is_flag=True, hidden=True)
def command(name: str | None, list_: bool, form: str, write: Path | None, debug: bool) -> None:
    """Show a module's options, results and examples."""
    if write is not None:
        print(f"{write_pages(write)} pages in {write}")
    elif list_ or name is None:
        if name is None and not list_:
            raise UsageError("which module? `fleet doc --list` shows all")
        width = max(map(len, registry.names()))
        for theme, names in themes().items():
            print(theme)
            for each in names:
                print(f"  {each.ljust(width)}  {registry.spec(each).summary}")
    else:
        spec = registry.spec(registry.canonical(name))
        if form == "json":
            options = {key: {"type": opt.type, "doc": opt.doc, "required": opt.required, "default": opt.default, "choices": opt.choices,
                             "aliases": list(opt.aliases), "elements": opt.elements} for key, opt in spec.options.items()}
            returns = {key: {"type": ret.type, "doc": ret.doc, "returned": ret.returned} for key, ret in spec.returns.items()}
            print(json.dumps({"name": spec.name, "summary": spec.summary, "options": options, "returns": returns, "check": spec.check,
                              "examples": spec.examples, "notes": list(spec.notes)}, indent=1, default=str))
        else:
            print(markdown(spec) if form == "markdown" else text(spec, min(shutil.get_terminal_size().columns, 110)), end="")

"""A module's page, made from its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fleet import registry
from fleet.runner.spec import Spec

_CHECK = {"full": "Check mode predicts what it would do.", "none": "What it would do cannot be predicted: check mode skips it.",
          "partial": "Check mode predicts it where the options say enough; see the notes."}


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def markdown(spec: Spec) -> str:
    """The page as Markdown."""
    lines = [f"# {spec.name}", "", f"{spec.summary}. {_CHECK[spec.check]}", "", "## Options", "", "| option | type | default | meaning |", "|---|---|---|---|"]
    for name, opt in spec.options.items():
        kind = f"list of {opt.elements}" if opt.type == "list" and opt.elements else opt.type
        default = "required" if opt.required else "" if opt.default is None else f"`{_cell(repr(opt.default) if isinstance(opt.default, str) else opt.default)}`"
        choices = f" One of: {', '.join(f'`{each}`' for each in opt.choices)}." if opt.choices else ""
        aliases = f" Also: {', '.join(f'`{each}`' for each in opt.aliases)}." if opt.aliases else ""
        free = " Takes the task's free text." if spec.free_form == name else ""
        lines.append(f"| `{name}` | {kind} | {default} | {_cell(opt.doc)}{choices}{aliases}{free} |")
    for text, groups in (("Not together", spec.mutually_exclusive), ("One of these is needed", spec.required_one_of),
                         ("Only together", spec.required_together)):
        lines += [f"\n{text}: {', '.join(f'`{name}`' for name in group)}." for group in groups]
    for rule in spec.required_if:
        lines.append(f"\nWith `{rule[0]}={rule[1]}`: needs {', '.join(f'`{name}`' for name in rule[2])}.")
    if spec.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in spec.notes)]
    if spec.returns:
        lines += ["", "## Returns", "", "| field | type | when | meaning |", "|---|---|---|---|"]
        lines += [f"| `{name}` | {ret.type} | {_cell(ret.returned)} | {_cell(ret.doc)} |" for name, ret in spec.returns.items()]
    if spec.examples:
        lines += ["", "## Examples", "", "```yaml", spec.examples.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def index() -> str:
    rows = [f"| [{name}]({name}.md) | {_cell(registry.spec(name).summary)} | {registry.spec(name).check} |" for name in registry.names()]
    return "\n".join(["# Modules", "", "Generated from the modules' specs by `fleet doc --write docs/modules`.", "", "| module | what it does | check mode |",
                      "|---|---|---|", *rows]) + "\n"


def write_pages(folder: Path) -> int:
    """Write all pages and take away those of modules that are gone; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"index.md": index(), **{f"{name}.md": markdown(registry.spec(name)) for name in registry.names()}}
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)
    return len(wanted)

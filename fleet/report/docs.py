"""The modules' pages, made from their specs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleet import registry
from fleet.runner.spec import Opt, Spec

_CHECK = {"full": "Check mode predicts what it would do.", "none": "What it would do cannot be predicted: check mode skips it.",
          "partial": "Check mode predicts it where the options say enough; see the notes."}
THEMES = {
    "Files": "assemble blockinfile copy fetch file find ini_file lineinfile replace slurp stat synchronize tempfile template unarchive",
    "Packages and sources": "apt apt_key apt_repository deb822_repository debconf dnf dpkg_selections get_url git package package_facts pip rpm_key yum",
    "Users and access": "authorized_key getent group known_hosts user",
    "Services and the system": "alternatives async_status cron hostname iptables locale_gen modprobe mount reboot service service_facts setup sysctl systemd "
                               "systemd_service timezone",
    "Commands": "command expect raw script shell",
    "Guests, networks, storage": "accelerator domain guest guest_snapshot hypervisor image network network_port pool secret snapshot volume",
    "Containers": "container oci",
    "The web and waiting": "pause ping uri wait_for wait_for_connection",
    "The run itself": "add_host assert debug fail group_by include_vars set_fact set_stats validate_argument_spec",
}


def cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _value(value: Any) -> str:
    return f"`{cell(json.dumps(value, ensure_ascii=False, default=str))}`"


def _option(name: str, opt: Opt, spec: Spec) -> str:
    """The row of an option."""
    kind = f"list of {opt.elements}" if opt.type == "list" and opt.elements else opt.type
    default = "required" if opt.required else "" if opt.default is None else _value(opt.default)
    choices = f" One of: {', '.join(_value(each).replace(chr(34), '') for each in opt.choices)}." if opt.choices else ""
    aliases = f" Also: {', '.join(f'`{each}`' for each in opt.aliases)}." if opt.aliases else ""
    free = " Takes the task's free text." if spec.free_form == name else ""
    return f"| `{name}` | {kind} | {default} | {cell(opt.doc)}{choices}{aliases}{free} |"


def markdown(spec: Spec) -> str:
    """The page as Markdown."""
    lines = [f"# {spec.name}", "", f"{spec.summary}. {_CHECK[spec.check]}", ""]
    if spec.options:
        lines += ["## Options", "", "| option | type | default | meaning |", "|---|---|---|---|"]
        lines += [_option(name, opt, spec) for name, opt in _named(spec.options)]
    for text, groups in (("Not together", spec.mutually_exclusive), ("One of these is needed", spec.required_one_of),
                         ("Only together", spec.required_together)):
        lines += [f"\n{text}: {', '.join(f'`{name}`' for name in group)}." for group in groups]
    for rule in spec.required_if:
        needed = (" or " if len(rule) > 3 and rule[3] else ", ").join(f"`{name}`" for name in rule[2])
        lines.append(f"\nWith `{rule[0]}={rule[1]}`: needs {needed}.")
    for name, others in spec.required_by.items():
        lines.append(f"\n`{name}` needs {', '.join(f'`{other}`' for other in others)}.")
    if spec.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in spec.notes)]
    if spec.returns:
        lines += ["", "## Returns", "", "| field | type | when | meaning |", "|---|---|---|---|"]
        lines += [f"| `{name}` | {ret.type} | {cell(ret.returned)} | {cell(ret.doc)} |" for name, ret in spec.returns.items()]
    if spec.examples:
        lines += ["", "## Examples", "", "```yaml", spec.examples.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def text(spec: Spec, width: int) -> str:
    """The same for a terminal."""
    lines = [spec.name, "", *textwrap.wrap(f"{spec.summary}. {_CHECK[spec.check]}", width - 2, initial_indent="  ", subsequent_indent="  ")]
    if spec.options:
        lines += ["", "Options (* must be given)"]
        for name, opt in sorted(_named(spec.options), key=lambda each: not each[1].required):
            kind = f"list of {opt.elements}" if opt.type == "list" and opt.elements else opt.type
            more = [f"= {json.dumps(opt.default, ensure_ascii=False, default=str)}"] if opt.default is not None and not opt.required else []
            more += [f"one of {', '.join(map(str, opt.choices))}"] if opt.choices else []
            more += [f"also {', '.join(opt.aliases)}"] if opt.aliases else []
            more += ["the task's free text"] if spec.free_form == name else []
            lines.append(f"{'* ' if opt.required else '  '}{name}  ({'; '.join([kind, *more])})")
            lines += textwrap.wrap(opt.doc, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 6)
    for words, groups in (("not together", spec.mutually_exclusive), ("one of these is needed", spec.required_one_of), ("only together", spec.required_together)):
        lines += [f"  {words}: {', '.join(group)}" for group in groups]
    for note in spec.notes:
        lines += textwrap.wrap(note, width - 4, initial_indent="  - ", subsequent_indent="    ")
    if spec.returns:
        lines += ["", "Returns"]
        for name, ret in spec.returns.items():
            lines += textwrap.wrap(f"{name}  ({ret.type}; {ret.returned}) {ret.doc}", width - 6, initial_indent="  ", subsequent_indent=" " * 6)
    if spec.examples:
        lines += ["", "Examples", *(f"  {line}" for line in spec.examples.rstrip().splitlines())]
    return "\n".join(lines) + "\n"


def _named(options: Mapping[str, Opt], before: str = "") -> Iterator[tuple[str, Opt]]:
    """Options with those inside them, by their full names."""
    for name, opt in options.items():
        yield before + name, opt
        yield from _named(opt.suboptions or {}, f"{before}{name}.")


def themes() -> dict[str, list[str]]:
    """The modules there are, by theme; those without one under "More"."""
    names = registry.names()
    found = {theme: [name for name in words.split() if name in names] for theme, words in THEMES.items()}
    found["More"] = [name for name in names if not any(name in listed for listed in found.values())]
    return {theme: listed for theme, listed in found.items() if listed}


def index() -> str:
    """The page that leads to all others."""
    lines = ["# Modules", "", "Made from the modules' specs by `make docs`. `fleet doc NAME` shows the same page in a terminal."]
    for theme, names in themes().items():
        lines += ["", f"## {theme}", "", "| module | what it does | check mode |", "|---|---|---|"]
        lines += [f"| [{name}]({name}.md) | {cell(registry.spec(name).summary)} | {registry.spec(name).check} |" for name in names]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """All pages by file name."""
    return {"index.md": index(), **{f"{name}.md": markdown(registry.spec(name)) for name in registry.names()}}


def write_pages(folder: Path) -> int:
    """Write all pages and take away those of modules that are gone; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)
    return len(wanted)

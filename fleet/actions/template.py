"""A template file rendered on the controller and written by copy."""

from __future__ import annotations

import datetime
import getpass
import os
import platform
from typing import Any

from fleet.errors import ArgumentError, Pos, SourceError
from fleet.modules.copy import SPEC as COPY
from fleet.runner.spec import Opt, Spec

_MARKS = {name: Opt("str", f"Jinja's {name.replace('_', ' ')}.") for name in (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string")}
SPEC = Spec(
    "template", "Write a file from a Jinja2 template",
    {
        "src": Opt("path", "The template, in templates/ of the role or beside the playbook.", required=True),
        "dest": Opt("path", "Where it goes; a directory takes the template's name.", required=True),
        **{name: COPY.options[name] for name in ("backup", "force", "follow", "validate", "mode", "owner", "group", "attributes", "seuser", "serole",
                                                 "setype", "selevel", "unsafe_writes")},
        "newline_sequence": Opt("str", "How lines end.", default="\n", choices=["\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n"]),
        "trim_blocks": Opt("bool", "Drop the newline after a block.", default=True),
        "lstrip_blocks": Opt("bool", "Drop blanks before a block.", default=False),
        "output_encoding": Opt("str", "Encoding of the file.", default="utf-8"),
        **_MARKS,
    },
    returns=COPY.returns,
    examples="- template: {src: app.conf.j2, dest: /etc/app.conf, mode: \"0644\", validate: app --check %s}\n",
)


def run(call: Any) -> dict[str, Any]:
    args = call.args
    source = call.find("templates", args.src)
    if source.is_dir():
        raise SourceError(f"the template {source} is a directory", pos=call.task.pos)
    try:
        text = source.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"the template is not UTF-8: {error.reason} at byte {error.start}", pos=Pos(str(source))) from None
    now = datetime.datetime.fromtimestamp(source.stat().st_mtime)
    extra = {
        "ansible_managed": "Ansible managed", "template_host": platform.node(), "template_uid": getpass.getuser(), "template_path": str(args.src),
        "template_fullpath": str(source.absolute()), "template_destpath": args.dest, "template_mtime": now, "template_run_date": datetime.datetime.now(),
    }
    if "ansible_managed" in call.vars:
        del extra["ansible_managed"]  # a user's own wins
    options = {name: args[name] for name in ("newline_sequence", "trim_blocks", "lstrip_blocks", *_MARKS) if args[name] is not None}
    rendered = call.render_text(text, extra, name=str(source), **options)
    given = {name: args[name] for name in COPY.options if name in args and name != "src"}
    if args.mode == "preserve":
        given["mode"] = f"{source.stat().st_mode & 0o7777:04o}"
    dest = args.dest
    name = source.name
    if dest.endswith("/"):
        given["dest"] = os.path.join(dest, name)
    return call.module("copy", {**{k: v for k, v in given.items() if v is not None}, "src": name, "dest": given.get("dest", dest)},  # type: ignore[no-any-return]
                       blob=_encoded(rendered, args.output_encoding or "utf-8"), last=True)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except LookupError:
        raise ArgumentError(f"template: there is no encoding '{encoding}'") from None
    except UnicodeEncodeError as error:
        raise ArgumentError(f"template: {encoding} has no character {text[error.start]!r}", hint="utf-8 has them all") from None

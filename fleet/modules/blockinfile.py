"""A block of lines between two markers."""
import re
from typing import Any, List, Optional

from fleet.modules import _text
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "blockinfile", "Make sure that a block of lines between markers is in a text file",
    _text.options({
        "block": Opt("str", "The lines.", default="", aliases=["content"]),
        "state": Opt("str", "present or absent.", default="present", choices=["present", "absent"]),
        "marker": Opt("str", "The line before and behind the block, with {mark}.", default="# {mark} ANSIBLE MANAGED BLOCK"),
        "marker_begin": Opt("str", "What {mark} is before the block.", default="BEGIN"),
        "marker_end": Opt("str", "What {mark} is behind it.", default="END"),
        "insertafter": Opt("str", "EOF or a regular expression: a new block goes behind its last match."),
        "insertbefore": Opt("str", "BOF or a regular expression: a new block goes before its last match."),
        "create": Opt("bool", "Make a missing file.", default=False),
        "append_newline": Opt("bool", "An empty line behind the block.", default=False),
        "prepend_newline": Opt("bool", "An empty line before the block.", default=False),
    }),
    returns=dict(_text.RETURNS),
    mutually_exclusive=[("insertbefore", "insertafter")],
    examples="- blockinfile:\n    path: /etc/ssh/sshd_config\n    block: |\n      Match User ops\n        PasswordAuthentication no\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    path, old, exists = _text.read(m, args.create or args.state == "absent")
    if not exists and args.state == "absent":
        return {"msg": "File %s not present" % args.path}
    begin, end = [args.marker.replace("{mark}", mark) for mark in (args.marker_begin, args.marker_end)]
    newline = "\r\n" if "\r\n" in old else "\n"
    lines = old.splitlines(True)
    block = [line + newline for line in args.block.splitlines()] if args.state == "present" and args.block else []
    first, last = _markers(lines, begin, end)
    if first is not None and last is not None:
        at = first
        del lines[first:last + 1]
    else:
        at = _place(m, lines)
    if block:
        if lines and at and not lines[at - 1].endswith("\n"):
            lines[at - 1] += newline
        new = [begin + newline] + block + [end + newline]
        if args.prepend_newline and at and lines[at - 1].strip():
            new.insert(0, newline)
        if args.append_newline and at < len(lines) and lines[at].strip():
            new.append(newline)
        lines[at:at] = new
    text = "".join(lines)
    said = "File created" if not exists else "Block removed" if not block else "Block inserted"
    if not exists and not block:
        return {"msg": ""}
    return (yield from _text.finish(m, path, old, text, exists, said))


def _markers(lines, begin, end):
    # type: (List[str], str, str) -> Any
    first = last = None  # type: Optional[int]
    for number, line in enumerate(lines):
        text = line.rstrip("\r\n")
        if text == begin:
            first = number
        if text == end:
            last = number
    if first is not None and last is not None and last < first:
        return last, first
    return first, last


def _place(m, lines):
    # type: (Module, List[str]) -> int
    args = m.args
    if args.insertbefore == "BOF":
        return 0
    pattern, after = (args.insertafter, 1) if args.insertafter else (args.insertbefore, 0)
    if not pattern or pattern == "EOF":
        return len(lines)
    try:
        # The expression's own multiline flag has it matched against the whole text; else each line is for itself.
        if re.compile(pattern).flags & re.M:
            hits = [hit.end() if after else hit.start() for hit in re.finditer(pattern, "".join(lines))]
            if not hits:
                return len(lines)
            text = "".join(lines)[:hits[-1]]
            return len(text.splitlines())
        regexp = re.compile(pattern)
    except re.error as error:
        m.fail("'%s' is no regular expression: %s" % (pattern, error))
    found = [number for number, line in enumerate(lines) if regexp.search(line.rstrip("\r\n"))]
    return found[-1] + after if found else len(lines)

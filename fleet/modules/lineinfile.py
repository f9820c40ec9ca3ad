"""One line of a text file."""
import os
import re
from typing import Any, List, Optional, Tuple

from fleet.modules import _text
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "lineinfile", "Make sure that a line is in a text file, or is not",
    _text.options({
        "line": Opt("str", "The line.", aliases=["value"]),
        "state": Opt("str", "present or absent.", default="present", choices=["present", "absent"]),
        "regexp": Opt("str", "Matches the line to replace or to remove (the last one that matches is replaced).", aliases=["regex"]),
        "search_string": Opt("str", "Literal text of the line to replace or remove."),
        "backrefs": Opt("bool", "`line` may use groups of regexp; without a match nothing is done.", default=False),
        "insertafter": Opt("str", "EOF or a regular expression: a new line goes behind its last match."),
        "insertbefore": Opt("str", "BOF or a regular expression: a new line goes before its last match."),
        "create": Opt("bool", "Make a missing file.", default=False),
        "firstmatch": Opt("bool", "insertafter and insertbefore take the first match.", default=False),
        "others": Opt("str", "Ignored; kept for old playbooks."),
    }),
    returns=dict(_text.RETURNS),
    mutually_exclusive=[("insertbefore", "insertafter"), ("regexp", "search_string"), ("backrefs", "search_string")],
    required_if=[("state", "present", ["line"])],
    examples="- lineinfile: {path: /etc/hosts, line: 10.0.0.5 db1, regexp: \" db1$\"}\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    if args.backrefs and args.regexp is None:
        m.fail("regexp is required with backrefs=true")
    if args.state == "absent" and args.regexp is None and args.search_string is None and args.line is None:
        m.fail("one of line, search_string, or regexp is required with state=absent")
    if args.regexp == "":
        m.warn("The regular expression is an empty string, which will match every line in the file.")
    path, old, exists = _text.read(m, args.create or args.state == "absent", "Destination")
    if args.state == "absent":
        if not exists:
            return {"msg": "file not present"}
        return (yield from absent(m, path, old))
    if not exists and not os.path.isdir(os.path.dirname(path)) and not m.check and not args.create:
        m.fail("Error creating %s" % os.path.dirname(path))
    new, said = present(m, old)
    result = yield from _text.finish(m, path, old, new, exists, said)
    return dict({"backup": ""}, **result)


def compiled(m, text):
    # type: (Module, str) -> Any
    try:
        return re.compile(text)
    except re.error as error:
        m.fail("'%s' is no regular expression: %s" % (text, error))


def absent(m, path, old):
    # type: (Module, str, str) -> Any
    args = m.args
    lines = old.splitlines(True)
    if args.regexp is not None:
        regexp = compiled(m, args.regexp)
        kept = [line for line in lines if not regexp.search(line.rstrip("\r\n"))]
    elif args.search_string is not None:
        kept = [line for line in lines if args.search_string not in line.rstrip("\r\n")]
    else:
        kept = [line for line in lines if line.rstrip("\r\n") != args.line.rstrip("\r\n")]
    found = len(lines) - len(kept)
    result = yield from _text.finish(m, path, old, "".join(kept), True, "%d line(s) removed" % found)
    return dict({"backup": ""}, found=found, **result)


def present(m, old):
    # type: (Module, str) -> Tuple[str, str]
    """The new text and what was done to it."""
    args = m.args
    line = args.line.rstrip("\r\n")
    lines = old.splitlines(True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    at, match = matched(m, lines, line)
    if at is not None:
        text = line
        if args.backrefs and match is not None:
            text = match.expand(line)
        exact = lines[at].rstrip("\r\n")
        if exact == text:
            return old, ""
        ending = lines[at][len(exact):] or end
        lines[at] = text + ending
        return "".join(lines), "line replaced"
    if args.backrefs:
        return old, ""
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    lines.insert(place(m, lines), line + end)
    return "".join(lines), "line added"


def matched(m, lines, line):
    # type: (Module, List[str], str) -> Tuple[Optional[int], Any]
    """Which line is the one: the last that matches; else the line itself where it stands already."""
    args = m.args
    found = None  # type: Optional[int]
    match = None
    if args.regexp is not None or args.search_string is not None:
        regexp = compiled(m, args.regexp) if args.regexp is not None else None
        for number, each in enumerate(lines):
            text = each.rstrip("\r\n")
            hit = regexp.search(text) if regexp is not None else (args.search_string in text or None)
            if hit:
                found, match = number, hit if regexp is not None else None
                if args.firstmatch:
                    break
        if found is not None or args.backrefs:
            return found, match
    for number, each in enumerate(lines):
        if each.rstrip("\r\n") == line:
            return number, None
    return None, None


def place(m, lines):
    # type: (Module, List[str]) -> int
    """Where a new line goes."""
    args = m.args
    if args.insertbefore == "BOF":
        return 0
    pattern, after = (args.insertafter, True) if args.insertafter is not None else (args.insertbefore, False)
    if pattern is None or pattern == "EOF":
        return len(lines)
    if after and pattern == "BOF":
        return 0
    regexp = compiled(m, pattern)
    hits = [number for number, each in enumerate(lines) if regexp.search(each.rstrip("\r\n"))]
    if not hits:
        return len(lines)
    return (hits[0] if args.firstmatch else hits[-1]) + (1 if after else 0)

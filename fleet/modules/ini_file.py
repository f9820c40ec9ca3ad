"""Sections and options of files in INI style."""
import re
from typing import Any, List, NamedTuple, Optional, Tuple

from fleet.modules import _text
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

_WANTED = {"option": Opt("str", "The option.", required=True), "value": Opt("str", "Its value; any when not given."),
           "values": Opt("list", "Its values.", elements="str")}
SPEC = Spec(
    "ini_file", "Manage sections and options of files in INI style",
    dict({
        "path": Opt("path", "The file.", required=True, aliases=["dest"]),
        "section": Opt("str", "The section; what stands before the first one when not given."),
        "section_has_values": Opt("list", "Of several sections of that name take the first that has all of these.", elements="dict", suboptions=_WANTED),
        "option": Opt("str", "The option; the section as a whole when not given."),
        "value": Opt("str", "Its value."),
        "values": Opt("list", "Its values, a line each.", elements="str"),
        "state": Opt("str", "present or absent.", default="present", choices=["absent", "present"]),
        "exclusive": Opt("bool", "The option has these values and no other; else these are added to, or removed from, those that are there.", default=True),
        "no_extra_spaces": Opt("bool", "Write `option=value`.", default=False),
        "ignore_spaces": Opt("bool", "Leave a line that differs only in spaces around the `=`.", default=False),
        "allow_no_value": Opt("bool", "The option may stand alone, without `=`.", default=False),
        "modify_inactive_option": Opt("bool", "A line that is commented out is put into use, in its place.", default=True),
        "create": Opt("bool", "Make a missing file.", default=True),
        "backup": Opt("bool", "Keep a copy of what was there.", default=False),
        "follow": Opt("bool", "Where path is a link, edit what it leads to; else the link becomes a file.", default=False),
    }, **file_options()),
    mutually_exclusive=[("value", "values")],
    returns={"path": Ret("str", "The file."), "msg": Ret("str", "What was done."), "backup_file": Ret("str", "The copy.", "backup and changed")},
    examples="""
- ini_file:
    path: /etc/app.ini
    section: database
    option: host
    value: db1.example.org
    mode: "0640"
""")

_SECTION = re.compile(r"^\s*\[(.*?)\]\s*([#;].*)?$")
_OPTION = re.compile(r"^\s*([#;])?[ \t]*([^#;=\s][^=]*?)[ \t]*(?:(=)[ \t]*(.*?)[ \t]*)?$")
_ALONE = [None]  # the option without a value
Line = NamedTuple("Line", [("text", str), ("inactive", bool), ("option", str), ("value", Optional[str])])


def run(m):
    # type: (Module) -> Any
    args = m.args
    values = [args.value] if args.value is not None else list(args["values"] or [])
    if args.state == "present" and args.option is not None and not values and not args.allow_no_value:
        m.fail("state=present with an option needs value or values; `allow_no_value: true` writes the option alone")
    for text in [args.section or "", args.option or ""] + values:
        if "\n" in text:
            m.fail("a line end cannot stand in a section, an option or a value: %r" % text)
    path, old, exists = _text.read(m, args.create or args.state == "absent", "Destination")
    if args.state == "absent" and not exists:
        return {"path": args.path, "msg": "OK"}
    lines = [_parsed(text) for text in old.splitlines()]
    new, said = _present(args, lines, values) if args.state == "present" else _absent(args, lines, values)
    end = "\r\n" if "\r\n" in old else "\n"
    text = old if new == lines else "".join(line.text + end for line in new)
    result = yield from _text.finish(m, path, old, text, exists, said)
    return dict(result, path=args.path, msg=result["msg"] or "OK")


def _parsed(text):
    # type: (str) -> Line
    found = None if _SECTION.match(text) else _OPTION.match(text)
    if found is None:
        return Line(text, False, "", None)
    return Line(text, found.group(1) is not None, found.group(2), found.group(4) if found.group(3) else None)


def _sections(lines, name):
    # type: (List[Line], Optional[str]) -> List[Tuple[int, int]]
    """Where the sections of that name are: from their first line to behind the last, the headings within."""
    heads = [number for number, line in enumerate(lines) if _SECTION.match(line.text)]
    if not name:
        return [(0, heads[0] if heads else len(lines))]
    found = []
    for start, end in zip(heads, heads[1:] + [len(lines)]):
        match = _SECTION.match(lines[start].text)
        if match is not None and match.group(1) == name:
            found.append((start, end))
    return found


def _section(args, lines):
    # type: (Any, List[Line]) -> Optional[Tuple[int, int]]
    for start, end in _sections(lines, args.section):
        if all(_has(lines[start:end], wanted) for wanted in args.section_has_values or []):
            return start, end
    return None


def _has(lines, wanted):
    # type: (List[Line], Any) -> bool
    have = [line.value for line in lines if line.option == wanted["option"] and not line.inactive]
    values = [wanted["value"]] if wanted["value"] is not None else wanted["values"]
    return bool(have) if not values else all(value in have for value in values)


def _line(args, option, value):
    # type: (Any, str, Optional[str]) -> Line
    if value is None:
        return Line(option, False, option, None)
    return Line("%s%s%s" % (option, "=" if args.no_extra_spaces else " = ", value), False, option, value)


def _present(args, lines, values):
    # type: (Any, List[Line], List[str]) -> Tuple[List[Line], str]
    place = _section(args, lines)
    if place is None:
        wanted = [(each["option"], [each["value"]] if each["value"] is not None else each["values"]) for each in args.section_has_values or []]
        if args.option is not None and args.option not in dict(wanted):
            wanted.append((args.option, values))
        body = [_line(args, option, value) for option, given in wanted for value in given or _ALONE]
        return lines + [Line("[%s]" % args.section, False, "", None)] + body, "section and option added"
    if args.option is None:
        return lines, ""
    start, end = place
    body, said = _options(args, lines[start:end], values or _ALONE)
    return lines[:start] + body + lines[end:], said


def _options(args, lines, values):
    # type: (Any, List[Line], List[Any]) -> Tuple[List[Line], str]
    """A section's lines with the option's values: first those that are there, then lines to be changed in their place, then new ones."""
    left = list(values)
    kept = {}  # type: dict
    spare = []  # type: List[int]
    for number, line in enumerate(lines):
        if line.option != args.option:
            continue
        if not line.inactive and line.value in left:
            left.remove(line.value)
            kept[number] = line if args.ignore_spaces else _same(args, line)
        elif args.modify_inactive_option if line.inactive else args.exclusive:
            spare.append(number)
    spare.sort(key=lambda number: (lines[number].inactive, lines[number].value not in left))
    for number in spare:
        if left:
            value = lines[number].value if lines[number].value in left else left[0]
            left.remove(value)
            kept[number] = _line(args, args.option, value)
        elif not lines[number].inactive:
            kept[number] = None
    result = [line for line in (kept.get(number, line) for number, line in enumerate(lines)) if line is not None]
    said = "option changed" if result != lines else ""
    if left:
        at = len(result)
        while at and not result[at - 1].text.strip():
            at -= 1
        result[at:at] = [_line(args, args.option, value) for value in left]
        said = said or "option added"
    return result, said


def _same(args, line):
    # type: (Any, Line) -> Line
    """The line as it is written here, keeping what stands before the option."""
    new = _line(args, line.option, line.value)
    before = line.text[:len(line.text) - len(line.text.lstrip())]
    return line if line.text.strip() == new.text else new._replace(text=before + new.text)


def _absent(args, lines, values):
    # type: (Any, List[Line], List[str]) -> Tuple[List[Line], str]
    place = _section(args, lines)
    if place is None:
        return lines, ""
    start, end = place
    if args.option is None:
        return (lines[:start] + lines[end:], "section removed") if args.section else (lines, "")
    body = [line for line in lines[start:end] if line.inactive or line.option != args.option
            or not (args.exclusive or not values or line.value in values)]
    return lines[:start] + body + lines[end:], "option changed" if len(body) != end - start else ""

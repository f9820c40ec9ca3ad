"""Locales that are generated."""
import os
import re
from typing import Any, Dict, Generator, List, Set

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "locale_gen", "Generate locales",
    {
        "name": Opt("list", "Locales: `de_DE.UTF-8`, `pt_BR.UTF-8` ...", required=True, elements="str"),
        "state": Opt("str", "Whether they are there.", default="present", choices=["absent", "present"]),
    },
    returns={"mechanism": Ret("str", "How it was done: glibc (/etc/locale.gen and locale-gen).")},
    notes=["Edits /etc/locale.gen and runs locale-gen, as Debian's package `locales` has them; a target without is refused."],
    examples="- locale_gen: {name: [de_DE.UTF-8, en_GB.UTF-8]}\n")

LIST, SUPPORTED, PROGRAM = "/etc/locale.gen", "/usr/share/i18n/SUPPORTED", "/usr/sbin/locale-gen"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    old = _text.content(LIST)
    present = m.args.state == "present"
    if m.check and present and not os.path.exists(PROGRAM):
        m.warn("there is no %s yet" % PROGRAM)  # an earlier task may be the one that installs it
        yield Change("locales", "", "".join(name + "\n" for name in m.args.name))
        return {"mechanism": "glibc"}
    if old is None or not os.path.exists(PROGRAM):
        m.fail("there is no %s on this target: install the package locales" % (LIST if old is None else PROGRAM))
        raise AssertionError
    supported = [line.split() for text in (old.replace("#", " "), _text.content(SUPPORTED) or "") for line in text.splitlines()]
    charsets = {words[0]: words[1] for words in supported if len(words) == 2}
    there = _generated(m)
    wrong = [name for name in m.args.name if _normal(name) not in {_normal(each) for each in charsets}]
    if wrong and present:
        m.fail("these locales are not available: %s" % ", ".join(wrong))
    names = {_normal(name): next((each for each in charsets if _normal(each) == _normal(name)), name) for name in m.args.name}
    new = _edited(old, names, charsets, present)
    missing = set(names) - there if present else set(names) & there
    if new != old:
        yield from _text.rewrite(m, LIST, old, new)
    if new != old or missing:
        shown = ["".join(name + "\n" for name in sorted(each)) for each in (there & set(names), (there | set(names)) & set(names) if present else set())]
        yield Change("locales", shown[0], shown[1], lambda: _generate(m, missing if not present else set()))
    return {"mechanism": "glibc"}


def _normal(name):
    # type: (str) -> str
    """A locale's name as `locale -a` has it: the character set in lower case, without dashes."""
    found = re.match(r"^([^.@]+)(\.[^@]+)?(@.+)?$", name)
    if found is None:
        return name
    base, charset, modifier = found.groups()
    return base + (charset or "").lower().replace("-", "") + (modifier or "")


def _generated(m):
    # type: (Module) -> Set[str]
    return {_normal(name) for name in m.run(["locale", "-a"], ok=[0]).stdout.split()}


def _edited(text, names, charsets, present):
    # type: (str, Dict[str, str], Dict[str, str], bool) -> str
    result = []  # type: List[str]
    done = set()  # type: Set[str]
    for line in text.splitlines(True):
        words = line.strip().lstrip("#").split()
        hidden = line.lstrip().startswith("#")
        if len(words) != 2 or _normal(words[0]) not in names:
            result.append(line)
        elif present and _normal(words[0]) in done:
            continue
        else:
            done.add(_normal(words[0]))
            result.append(line if hidden != present else ("" if present else "# ") + " ".join(words) + "\n")
    if present:
        if result and not result[-1].endswith("\n"):
            result[-1] += "\n"
        result += ["%s %s\n" % (name, charsets[name]) for key, name in sorted(names.items()) if key not in done]
    return "".join(result)


def _generate(m, gone):
    # type: (Module, Set[str]) -> None
    """Debian's locale-gen makes the archive anew, so what is not in the list is gone; kept ones are in folders of their own."""
    import shutil
    m.run([PROGRAM], ok=[0])
    for name in gone:
        folder = os.path.join("/usr/lib/locale", name)
        if os.path.isdir(folder):
            shutil.rmtree(folder)

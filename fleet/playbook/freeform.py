"""The one-line spelling of a module's options: `copy: src=a dest="b c" mode={{ mode | default('0644') }}`, and free text beside them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Container

from fleet.errors import Pos, SourceError
from fleet.trust import Unsafe, trust_str

# The options that may stand among the free text of command, shell, raw and script; everything else there is text.
RAW_OPTIONS = frozenset({"creates", "removes", "chdir", "executable", "stdin", "stdin_add_newline", "strip_empty_ends"})

_JINJA = r"\{\{(?:(?!\}\}).)*\}\}|\{%(?:(?!%\}).)*%\}|\{\#(?:(?!\#\}).)*\#\}"
_WORD = re.compile(
    rf"""(?: {_JINJA}
           | "(?: \\. | {_JINJA} | \{{(?![\{{%\#]) | [^"\\{{] )*"
           | '(?: \\. | {_JINJA} | \{{(?![\{{%\#]) | [^'\\{{] )*'
           | \\. | [^\s"'\\] | \\$ )+""",
    re.DOTALL | re.VERBOSE,
)
_OPTION = re.compile(r"\s*([A-Za-z_][\w.-]*)=", re.ASCII)
_ESCAPE = re.compile(r"\\(U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\\'\"abfnrtv])")


def split(text: str, known: Container[str] | None, pos: Pos) -> tuple[dict[str, str], str | None]:
    """The `name=value` options of a text, and the rest of it as written (None when nothing is left).

    known: only these names are options and anything else is text; None: every `name=value` is an option. Blanks and `=` inside quotes or
    templates separate nothing. Raises SourceError for quotes that do not close where options may be meant, and for an option given twice.
    """
    options: dict[str, str] = {}
    rest: list[str] = []
    end = 0
    balanced = True
    for match in _WORD.finditer(text):
        gap, end = text[end:match.start()], match.end()
        balanced = balanced and not gap.strip()
        word = match.group()
        while word.startswith("\\\n"):  # a line that goes on in the next one
            word = word[2:]
        option = _OPTION.match(word)
        if option is None or (known is not None and option.group(1) not in known):
            rest += [gap, word]
            continue
        name = option.group(1)
        if name in options:
            raise SourceError(f"the option '{name}' stands here twice", pos=pos)
        options[name] = _value(text, word[option.end():])
    balanced = balanced and not text[end:].strip()
    if not balanced:
        if known is None or options:
            raise SourceError("the quotes of this line do not close", pos=pos, hint="write the options as a mapping, one a line")
        return {}, text
    left = "".join(rest).lstrip() + (text[end:] if rest else "")
    return options, _same(text, left if left.endswith("\n") else left.rstrip()) if left.strip() else None


def _value(text: str, value: str) -> str:
    value = _ESCAPE.sub(lambda match: codecs.decode(match.group(), "unicode_escape"), value)
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return _same(text, value)


def _same(text: str, piece: str) -> str:
    """A piece of a text, as trusted as the text itself."""
    return Unsafe(piece) if isinstance(text, Unsafe) else trust_str(piece)

"""Every match of a regular expression in a text file."""
import re
from typing import Any

from fleet.modules import _text
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec(
    "replace", "Replace all matches of a regular expression in a text file",
    _text.options({
        "regexp": Opt("str", "The expression, in multi-line mode.", required=True),
        "replace": Opt("str", "What takes a match's place; groups as \\\\1 or \\\\g<name>.", default=""),
        "after": Opt("str", "Only behind the first match of this expression."),
        "before": Opt("str", "Only before the first match of this expression."),
    }),
    main="path", returns=dict(_text.RETURNS),
    examples="- replace: {path: /etc/app.conf, regexp: '^debug=.*$', replace: 'debug=no'}\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    path, old, _ = _text.read(m, False)
    try:
        start, end = 0, len(old)
        if args.after is not None or args.before is not None:
            parts = ["(?P<part>.*?)"]
            if args.after is not None:
                parts = [args.after + "(?P<part>.*)"] if args.before is None else [args.after + "(?P<part>.*?)" + args.before]
            elif args.before is not None:
                parts = ["(?P<part>.*)" + args.before]
            found = re.search(parts[0], old, re.DOTALL)
            if found is None:
                return {"msg": "Pattern for before/after params did not match the given file: %s" % parts[0].replace("(?P<part>", "(?P<subsection>")}
            start, end = found.start("part"), found.end("part")
        new, count = re.subn(args.regexp, args.replace, old[start:end], flags=re.MULTILINE)
    except re.error as error:
        m.fail("Unable to process replace due to error: %s" % error)
    return (yield from _text.finish(m, path, old, old[:start] + new + old[end:], True, "%d replacements made" % count))

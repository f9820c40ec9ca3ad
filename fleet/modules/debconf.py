"""Answers to the questions of Debian packages."""
import os
from typing import Any, Dict, Generator, Optional

from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "debconf", "Answer the questions of Debian packages before they ask",
    {
        "name": Opt("str", "The package.", required=True, aliases=["pkg"]),
        "question": Opt("str", "The question; without one the package's answers are shown.", aliases=["selection", "setting"]),
        "vtype": Opt("str", "What kind of question it is; `seen` sets only whether it was asked.", choices=[
            "boolean", "error", "multiselect", "note", "password", "seen", "select", "string", "text", "title"]),
        "value": Opt("raw", "The answer; a list for multiselect.", aliases=["answer"]),
        "unseen": Opt("bool", "Leave the question marked as not asked.", default=False),
    },
    required_together=[("question", "vtype", "value")],
    returns={"current": Ret("dict", "The answers, as they are now: of the package, or of the question."),
             "previous": Ret("dict", "The answer there was.", returned="changed")},
    notes=["debconf's own files are read; debconf-set-selections writes. It changes answers, not the package: `dpkg-reconfigure` is for one that is installed.",
           "Passwords are shown neither in the diff nor in the result; use `no_log` for other secrets."],
    examples="""
- debconf:
    name: postfix
    question: postfix/main_mailer_type
    vtype: select
    value: Satellite system
""")

CACHE = "/var/cache/debconf"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if not os.path.exists("/usr/bin/debconf-set-selections"):
        m.fail("there is no debconf on this target: /usr/bin/debconf-set-selections is missing")
    known = _questions()
    if args.question is None:
        return {"current": {name: entry["value"] for name, entry in known.items()
                            if args.name in entry["owners"] and entry.get("secret") is None}}
    for word in (args.name, args.question):
        if not word or word.split() != [word]:
            m.fail("%r cannot be the name of a package or of a question" % word)
    value = _value(m)
    now = known.get(args.question, {})
    have = now.get("value")  # type: Optional[str]
    if args.vtype == "seen" and now:
        have = "true" if "seen" in now["flags"].split() else "false"
    secret = args.vtype == "password"
    result = {"current": {args.question: "********" if secret else value}}  # type: Dict[str, Any]
    if have != value and not (isinstance(args.value, (list, tuple)) and have is not None and sorted(have.split(", ")) == sorted(value.split(", "))):
        line = "%s %s %s %s\n" % (args.name, args.question, args.vtype, value)
        words = ["/usr/bin/debconf-set-selections"] + (["-u"] if args.unseen else [])
        before, after = (None, None) if secret else ("" if have is None else "%s: %s\n" % (args.question, have), "%s: %s\n" % (args.question, value))
        yield Change("answer to " + args.question, before, after, lambda: m.run(words, input=line, ok=[0]))
        result["previous"] = {args.question: "********" if secret and have is not None else have}
    return result


def _value(m):
    # type: (Module) -> str
    value = m.args.value
    if isinstance(value, (list, tuple)):
        if m.args.vtype != "multiselect":
            m.fail("a list is the answer to a multiselect question, not to one of type %s" % m.args.vtype)
        wrong = [each for each in value if not isinstance(each, str)]
        if wrong:
            m.fail("Invalid value provided for a multiselect question: %r is no text" % wrong[0])
        value = ", ".join(value)
    text = str(value)
    if m.args.vtype in ("boolean", "seen"):
        text = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}.get(text.lower(), text.lower())
        if text not in ("true", "false"):
            m.fail("the answer to a question of type %s is true or false, not %r" % (m.args.vtype, value))
    if "\n" in text:
        m.fail("an answer is one line of text")
    return text


def _questions():
    # type: () -> Dict[str, Dict[str, Any]]
    """All that debconf knows: value (None without one), flags and owners by the question's name."""
    found = {}  # type: Dict[str, Dict[str, Any]]
    for name, secret in (("config.dat", None), ("passwords.dat", True)):
        try:
            with open(os.path.join(CACHE, name), encoding="utf-8", errors="surrogateescape") as stream:
                text = stream.read()
        except FileNotFoundError:
            continue
        for stanza in text.split("\n\n"):
            fields = {name: value.strip() for name, _colon, value in (line.partition(":") for line in stanza.splitlines() if not line.startswith(" "))}
            if "Name" in fields:
                value = fields.get("Value")  # type: Optional[str]
                found[fields["Name"]] = {"value": value, "flags": fields.get("Flags", ""), "owners": fields.get("Owners", "").split(", "), "secret": secret}
    return found

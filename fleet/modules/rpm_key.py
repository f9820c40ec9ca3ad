"""Keys that rpm trusts."""
import os
import re
from typing import Any, List

from fleet.modules import _http
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "rpm_key", "Manage the keys that rpm trusts",
    {
        "key": Opt("str", "The key: a file on the target, its URL, or (with state absent) its id.", required=True),
        "state": Opt("str", "present or absent.", default="present", choices=["absent", "present"]),
        "fingerprint": Opt("list", "The key must have one of these fingerprints.", elements="str"),
        "validate_certs": Opt("bool", "Check the certificate of an https URL.", default=True),
    },
    returns={"keys": Ret("list", "The ids of the keys.", elements="str")},
    notes=["The target needs gpg to read a key's file."],
    examples="""
- rpm_key:
    key: https://dl.fedoraproject.org/pub/epel/RPM-GPG-KEY-EPEL-9
    fingerprint: FF8A D134 4597 106E CE81 3B91 8A38 72BF 3228 467C

- rpm_key: {key: 3228467C, state: absent}
""")
_ID = re.compile(r"^(0x)?[0-9A-Fa-f]{8,40}$")


def run(m):
    # type: (Module) -> Any
    key = m.args.key
    if _ID.match(key) and not os.path.exists(key):
        if m.args.state == "present":
            m.fail("a key is imported from a file or URL, not by its id")
        ids = [key[-8:].lower()]
        yield from _changes(m, ids, "")
        return {"keys": ids}
    path, fetched = (_fetched(m, key), True) if "://" in key else (os.path.expanduser(key), False)
    try:
        ids = _ids(m, path)
        yield from _changes(m, ids, path)
    finally:
        if fetched:
            os.unlink(path)
    return {"keys": ids}


def _changes(m, ids, path):
    # type: (Module, List[str], str) -> Any
    there = {each for each in m.run(["rpm", "-q", "gpg-pubkey", "--qf", "%{VERSION}\n"]).stdout.split() if len(each) >= 8}
    there = {each[-8:] for each in there}
    if m.args.state == "present":
        new = [each for each in ids if each not in there]
        if new:
            yield Change("key " + ", ".join(new), "absent", "present", lambda: m.run(["rpm", "--import", path], ok=[0]))
        return
    for each in ids:
        if each in there:
            yield Change("key " + each, "present", "absent", lambda each=each: _erase(m, each))  # type: ignore[misc]


def _erase(m, id_):
    # type: (Module, str) -> None
    names = [name for name in m.run(["rpm", "-q", "gpg-pubkey"]).stdout.split() if name.split("-")[2][-8:] == id_]
    m.run(["rpm", "--erase", "--allmatches"] + names, ok=[0])


def _fetched(m, url):
    # type: (Module, str) -> str
    import tempfile
    for name, option in _http.options(30.0).items():
        m.args.setdefault(name, option.default)
    try:
        answer = _http.open_url(m, url).read(1 << 20)
    except (OSError, ValueError) as error:
        m.fail("the key did not come from %s: %s" % (url, error))
    fd, path = tempfile.mkstemp(prefix="fleet-key-")
    with os.fdopen(fd, "wb") as stream:
        stream.write(answer)
    return path


def _ids(m, path):
    # type: (Module, str) -> List[str]
    """The short ids of the keys in a file; refused when it has no key, or none of the fingerprints asked for."""
    if not os.path.isfile(path):
        m.fail("there is no key %s" % path)
    if not any(os.path.exists(os.path.join(place, "gpg")) for place in os.environ.get("PATH", "/usr/bin").split(":")):
        m.fail("gpg is missing on the target: it tells which key is in a file")
    done = m.run(["gpg", "--no-tty", "--batch", "--with-colons", "--show-keys", path])
    prints, main = [], False  # type: List[str], bool
    for line in done.stdout.splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sub"):
            main = fields[0] == "pub"
        elif fields[0] == "fpr" and main:
            prints.append(fields[9])
    if not prints:
        m.fail("%s is no public key: %s" % (m.args.key, done.stderr.strip().splitlines()[-1:] or "gpg finds none"))
    wanted = [each.replace(" ", "").upper() for each in m.args.fingerprint or ()]
    if wanted and not set(wanted) & set(prints):
        m.fail("the key's fingerprint is %s, not one of those that it must have" % ", ".join(prints))
    return [each[-8:].lower() for each in prints]

"""Apt's sources in the format deb822."""
import os
import re
from typing import Any, Dict, Generator, List, Optional, Tuple

from fleet.modules import _text
from fleet.runner.files import attributes, write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

_LISTS = {
    "types": Opt("list", "deb, deb-src.", default=["deb"], elements="str", choices=["deb", "deb-src"]),
    "uris": Opt("list", "The URIs.", elements="str"),
    "suites": Opt("list", "The suites; a path that ends with / for a flat repository.", elements="str"),
    "components": Opt("list", "The components.", elements="str"),
    "architectures": Opt("list", "Only these architectures.", elements="str"),
    "languages": Opt("list", "Only these translations.", elements="str"),
    "targets": Opt("list", "Only these download targets.", elements="str"),
    "exclude": Opt("list", "Packages that are not taken from here.", elements="str"),
    "include": Opt("list", "The only packages that are taken from here.", elements="str"),
}
_FLAGS = {
    "enabled": Opt("bool", "Whether apt uses it."),
    "trusted": Opt("bool", "Take it as authenticated (true) or as not (false), whatever its signature."),
    "by_hash": Opt("bool", "Fetch indexes by their hash."),
    "check_date": Opt("bool", "Trust the machine's clock."),
    "check_valid_until": Opt("bool", "Refuse a Release file that is past its date."),
    "allow_downgrade_to_insecure": Opt("bool", "Go on when what was authenticated is not any more."),
    "allow_insecure": Opt("bool", "Go on with repositories that are not authenticated."),
    "allow_weak": Opt("bool", "Go on with weak digests."),
    "pdiffs": Opt("bool", "Fetch differences of indexes."),
}
SPEC = Spec(
    "deb822_repository", "Manage apt's sources in the format deb822",
    dict(dict(_LISTS, **_FLAGS), **{
        "name": Opt("str", "What it is known by: its X-Repolib-Name, and the name of its file and of its key's.", required=True),
        "state": Opt("str", "Whether it is there.", default="present", choices=["absent", "present"]),
        "signed_by": Opt("str", "The key: a URL it is fetched from, a path on the target, the armoured key itself, or fingerprints."),
        "date_max_future": Opt("int", "Seconds that a Release file's date may be ahead."),
        "inrelease_path": Opt("str", "Path of the InRelease file, below the URI."),
        "mode": Opt("raw", "Mode of the files.", default="0644"),
        "install_python_debian": Opt("bool", "Accepted: nothing needs to be installed.", default=False),
    }),
    required_if=[("state", "present", ["uris", "suites"])], mutually_exclusive=[("exclude", "include")],
    returns={"repo": Ret("str", "The file's content.", returned="state=present"), "dest": Ret("str", "The file."),
             "key_filename": Ret("str", "The key's file, when the key was fetched.")},
    notes=["Writes /etc/apt/sources.list.d/NAME.sources; a file that says the same in other words stays.",
           "A key fetched from a URL is kept in /etc/apt/keyrings, and compared with the URL's at each run, under check too.",
           "The package lists are not brought up to date: follow with apt and `update_cache` when this has changed."],
    examples="""
- deb822_repository:
    name: example
    uris: https://apt.example.org/debian
    suites: stable
    components: main
    signed_by: https://apt.example.org/key.asc
  register: source
- apt:
    update_cache: true
  when: source is changed
""")

ETC = "/etc/apt"
_NAMES = {"uris": "URIs", "pdiffs": "PDiffs", "inrelease_path": "InRelease-Path"}
_ORDER = ("enabled", "types", "uris", "suites", "components", "architectures", "signed_by")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    slug = re.sub(r"[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", args.name.lower()))
    if not slug.strip("-") or "\n" in args.name:
        m.fail("%r cannot be a repository's name: it has neither letters nor digits" % args.name)
    path = os.path.join(ETC, "sources.list.d", slug + ".sources")
    keys = [os.path.join(ETC, "keyrings", slug + suffix) for suffix in (".asc", ".gpg")]
    result = {"dest": path, "key_filename": None}  # type: Dict[str, Any]
    if args.state == "absent":
        for each in [path] + keys:
            if os.path.lexists(each):
                yield Change("state", "file", "absent", lambda each=each: os.unlink(each), each)  # type: ignore[misc]
        return dict(result, repo=None)
    signed = args.signed_by
    if signed is not None and re.match(r"^(https?|ftp|file)://", signed):
        signed = result["key_filename"] = yield from _key(m, signed, keys)
    fields = _fields(args, signed)
    text = "".join("%s: %s\n" % (name, value.replace("\n", "\n ")) for name, value in fields)
    old = _text.content(path)
    if _parsed(old or "") != _parsed(text):
        yield from _text.rewrite(m, path, old, text, args.mode)
    yield from attributes(m, path, mode=args.mode)
    return dict(result, repo=text)


def _key(m, url, paths):
    # type: (Module, str, List[str]) -> Generator[Change, Any, str]
    """Keep the key of a URL in a file; its path."""
    from urllib.request import urlopen
    try:
        with open(url[7:], "rb") if url.startswith("file://") else urlopen(url, timeout=30) as answer:
            data = answer.read(1 << 20)
    except (OSError, ValueError) as error:
        m.fail("cannot fetch the key %s: %s" % (url, error))
    if not data.strip():
        m.fail("%s holds no key: it is empty" % url)
    path = paths[0] if data.lstrip().startswith(b"-----BEGIN PGP") else paths[1]
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        yield Change("state", "absent", "directory", lambda: os.makedirs(folder, 0o755), folder)
    try:
        with open(path, "rb") as stream:
            old = stream.read()  # type: Optional[bytes]
    except FileNotFoundError:
        old = None
    if old != data:
        yield Change("key", None if old is None else "(%d bytes)\n" % len(old), "(%d bytes)\n" % len(data), lambda: write(m, path, data, m.args.mode), path)
    return path


def _fields(args, signed):
    # type: (Any, Optional[str]) -> List[Tuple[str, str]]
    values = dict(args, signed_by=signed)
    fields = [("X-Repolib-Name", args.name)]
    for name in _ORDER + tuple(sorted(set(_LISTS) | set(_FLAGS) | {"date_max_future", "inrelease_path"} - set(_ORDER))):
        value = values[name]
        title = _NAMES.get(name) or "-".join(word.capitalize() for word in name.split("_"))
        if value is None or title in dict(fields):
            continue
        if name == "signed_by" and "\n" in value:
            value = "\n" + "\n".join(line.strip() or "." for line in value.strip().splitlines())
        text = " ".join(value) if isinstance(value, list) else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        fields.append((title, text))
    return fields


def _parsed(text):
    # type: (str) -> List[Dict[str, List[str]]]
    """The stanzas: each field's words by its name."""
    stanzas = []  # type: List[Dict[str, List[str]]]
    fields = {}  # type: Dict[str, List[str]]
    name = ""
    for line in text.splitlines() + [""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            stanzas += [fields] if fields else []
            fields = {}
        elif line[0] in " \t":
            fields.setdefault(name, []).extend(line.split())
        else:
            name, _colon, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.split()
    return stanzas

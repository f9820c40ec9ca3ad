"""Host keys that SSH trusts."""
import base64
import hashlib
import hmac
import os
from typing import Any, Dict, Generator, List, NamedTuple, Optional

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "known_hosts", "Manage the host keys that SSH trusts",
    {
        "name": Opt("str", "The host, as ssh is given it; `[host]:port` for a port other than 22.", required=True, aliases=["host"]),
        "key": Opt("str", "The line, or lines, as known_hosts has them: `host type key`. Lines of comments are passed over."),
        "path": Opt("path", "The file.", default="~/.ssh/known_hosts"),
        "hash_host": Opt("bool", "Write the name as a hash.", default=False),
        "state": Opt("str", "absent without a key takes all keys of the host away.", default="present", choices=["absent", "present"]),
    },
    required_if=[("state", "present", ["key"])],
    returns={"path": Ret("str", "The file."), "name": Ret("str", "The host.")},
    notes=["A host has one key of each type: another one of the same type is replaced. Lines marked @revoked or @cert-authority are only for a key so marked.",
           "Where a line names several hosts, only this one is taken out of it."],
    examples="""
- known_hosts:
    name: git.example.org
    key: git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJGd...
    path: /etc/ssh/ssh_known_hosts
""")

Key = NamedTuple("Key", [("marker", str), ("hosts", str), ("kind", str), ("key", str), ("comment", str)])


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    name = args.name.strip().lower()
    if not name or any(char in name for char in " \t\n,|"):
        m.fail("%r cannot be the name of a host" % args.name)
    path = os.path.expanduser(args.path)
    keys = _given(m, name)
    old = _text.content(path)
    lines = (old or "").splitlines(True)
    after = _edited(lines, name, keys, args.hash_host) if args.state == "present" else _without(lines, name, keys)
    folder = os.path.dirname(path)
    if after != lines:
        if not os.path.isdir(folder):
            yield Change("state", "absent", "directory", lambda: os.makedirs(folder, 0o700), folder)
        own = path.startswith(os.path.expanduser("~") + "/")
        yield from _text.rewrite(m, path, old, "".join(after), 0o600 if own else 0o644)
    return {"name": args.name, "path": path, "key": args.key, "state": args.state, "hash_host": args.hash_host}


def _parsed(line):
    # type: (str) -> Optional[Key]
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3:
        return None
    return Key(marker, words[0], words[1], words[2], " ".join(words[3:]))


def _given(m, name):
    # type: (Module, str) -> List[Key]
    """The keys asked for; ModuleError for what is no key of this host."""
    keys = []  # type: List[Key]
    for line in (m.args.key or "").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = _parsed(line)
        if key is None:
            m.fail("%r is no line of known_hosts: it is `host type key`, not a public key file's `type key comment`" % line[:80])
            raise AssertionError
        if not _names(key.hosts, name):
            m.fail("the key is one of %s, not of %s" % (key.hosts, m.args.name))
        try:
            raw = base64.b64decode(key.key.encode("ascii"), validate=True)
        except ValueError:
            raw = b""
        size = int.from_bytes(raw[:4], "big")
        if not raw or raw[4:4 + size].decode("ascii", "replace") != key.kind:
            m.fail("%r is no key of type %s" % (key.key[:40], key.kind))
        keys.append(key)
    if m.args.key is not None and not keys:
        m.fail("key holds no key")
    return keys


def _names(hosts, name):
    # type: (str, str) -> bool
    """Whether a line's first field names the host itself (a pattern that matches it does not)."""
    if not hosts.startswith("|"):
        return name in hosts.lower().split(",")
    parts = hosts.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        return hmac.compare_digest(_digest(base64.b64decode(parts[2]), name), parts[3])
    except ValueError:
        return False


def _digest(salt, name):
    # type: (bytes, str) -> str
    return base64.b64encode(hmac.new(salt, name.encode("utf-8"), hashlib.sha1).digest()).decode("ascii")


def _written(key, name, hashed):
    # type: (Key, str, bool) -> str
    hosts = name
    if hashed:
        salt = os.urandom(20)
        hosts = "|1|%s|%s" % (base64.b64encode(salt).decode("ascii"), _digest(salt, name))
    return " ".join(filter(None, [key.marker, hosts, key.kind, key.key, key.comment])) + "\n"


def _edited(lines, name, keys, hashed):
    # type: (List[str], str, List[Key], bool) -> List[str]
    wanted = {(key.marker, key.kind): key for key in keys}
    done = set()
    result = []  # type: List[str]
    for line in lines:
        now = _parsed(line)
        which = (now.marker, now.kind) if now else None
        if now is None or which not in wanted or not _names(now.hosts, name):
            result.append(line)
        elif which not in done and now.key == wanted[which].key and (now.hosts.startswith("|") or not hashed):
            done.add(which)
            result.append(line)
        else:
            result += _left(line, now, name)
            if which not in done:
                done.add(which)
                result.append(_written(wanted[which], name, hashed))
    new = [_written(key, name, hashed) for which, key in wanted.items() if which not in done]
    if new and result and not result[-1].endswith("\n"):
        result[-1] += "\n"
    return result + new


def _without(lines, name, keys):
    # type: (List[str], str, List[Key]) -> List[str]
    gone = {(key.marker, key.kind, key.key) for key in keys}
    result = []  # type: List[str]
    for line in lines:
        now = _parsed(line)
        meant = now is not None and ((now.marker, now.kind, now.key) in gone if keys else not now.marker) and _names(now.hosts, name)
        result += _left(line, now, name) if now is not None and meant else [line]
    return result


def _left(line, now, name):
    # type: (str, Key, str) -> List[str]
    """What stays of a line for the other hosts that it names."""
    others = [] if now.hosts.startswith("|") else [each for each in now.hosts.split(",") if each.lower() != name]
    return [line.replace(now.hosts, ",".join(others), 1)] if others else []

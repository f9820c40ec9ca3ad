"""Filesystems that are mounted, and those of /etc/fstab."""
import os
import re
from typing import Any, Dict, Generator, List, NamedTuple, Optional

from fleet.modules import _text
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "mount", "Manage mounted filesystems and /etc/fstab",
    {
        "path": Opt("path", "The mount point.", required=True, aliases=["name"]),
        "state": Opt("str", "present: in fstab; mounted: there and mounted; ephemeral: mounted, fstab is not looked at; unmounted: not mounted, fstab "
                     "stays; remounted: mounted anew, always; absent: neither, and the mount point is removed; absent_from_fstab: not in fstab.",
                     required=True, choices=["absent", "absent_from_fstab", "ephemeral", "mounted", "present", "remounted", "unmounted"]),
        "src": Opt("str", "What is mounted: a device, UUID=, a directory, host:/export ..."),
        "fstype": Opt("str", "The filesystem's type."),
        "opts": Opt("str", "Mount options, by commas; `defaults` when not given."),
        "opts_no_log": Opt("bool", "Keep the options out of the diff, the result and messages.", default=False),
        "dump": Opt("str", "fstab's fifth field.", default="0"),
        "passno": Opt("str", "fstab's sixth field.", default="0"),
        "boot": Opt("bool", "Mount it when the system starts; false adds noauto.", default=True),
        "fstab": Opt("path", "The file; it is made when missing.", default="/etc/fstab"),
        "backup": Opt("bool", "Keep a copy of the file as it was.", default=False),
    },
    required_if=[("state", state, ["src", "fstype"]) for state in ("mounted", "present", "ephemeral")],
    returns={"backup_file": Ret("str", "The copy.", "backup and changed")},
    notes=["What cannot be mounted is not written into fstab. When a mounted filesystem's line changes it is remounted, or mounted anew when src or fstype changed.",
           "ephemeral: what is mounted from the same src with these options stays as it is; something else at that place is refused."],
    examples="""
- mount:
    path: /srv/data
    src: UUID=b3e48f45-f933-4c8e-a700-22a159ec9077
    fstype: ext4
    opts: noatime
    state: mounted
""")

Mounted = NamedTuple("Mounted", [("src", str), ("fstype", str), ("opts", List[str])])
_BIND = frozenset(("bind", "rbind"))
_UNSEEN = ("", "defaults", "noauto", "auto", "nofail", "bind", "rbind")  # options that the kernel does not show
_ESCAPES = ((" ", "\\040"), ("\t", "\\011"), ("\n", "\\012"))


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    path = os.path.normpath(os.path.expanduser(args.path))
    if not path.startswith("/") and not (args.fstype == "swap" or path in ("none", "swap")):
        m.fail("path is the absolute path of a mount point, not %r" % args.path)
    result = {key: args[key] for key in ("src", "fstype", "dump", "passno", "fstab")}
    result.update(name=args.path, opts="********" if args.opts_no_log else _options(args))
    there = mounted(path)
    if args.state == "remounted":
        if not there:
            m.fail("%s is not mounted: state=remounted needs a mounted filesystem" % path)
        yield Change("remount of " + path, apply=lambda: _call(m, ["mount", "-o", "remount" + ("," + args.opts if args.opts else ""), path]))
    elif args.state == "unmounted":
        yield from _unmount(m, path, there)
    elif args.state == "ephemeral":
        yield from _ephemeral(m, path, there)
    else:
        result.update((yield from _with_fstab(m, path, there)))
    return result


def _with_fstab(m, path, there):
    # type: (Module, str, List[Mounted]) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    old = _text.content(args.fstab)
    wanted = [path if path.startswith("/") else args.path, args.src, args.fstype, _options(args), args.dump, args.passno]
    new, before = _edited(old or "", wanted, args.state in ("present", "mounted"))
    if args.state == "absent":
        yield from _unmount(m, path, there)
    elif args.state == "mounted":
        yield from _mounted(m, path, there, before if new != (old or "") else wanted)
    if new == (old or ""):
        done = {}  # type: Dict[str, Any]
    elif args.opts_no_log:
        done = yield from _hidden(_text.rewrite(m, args.fstab, old, new, backup=args.backup))
    else:
        done = yield from _text.rewrite(m, args.fstab, old, new, backup=args.backup)
    if args.state == "absent" and os.path.isdir(path) and not os.path.islink(path):
        if (not there or not m.check) and os.listdir(path):
            m.fail("the mount point %s is not empty and was not removed" % path, **done)
        yield Change("mount point", "directory", "absent", lambda: os.rmdir(path), path)
    return done


def _hidden(steps):
    # type: (Any) -> Generator[Change, Any, Dict[str, Any]]
    answer = None  # type: Any
    try:
        while True:
            change = steps.send(answer)
            answer = yield Change(change.what, apply=change.apply, path=change.path)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _options(args):
    # type: (Any) -> str
    words = args.opts or "defaults"
    return words if args.boot or "noauto" in words.split(",") else words + ",noauto"


def _edited(text, wanted, present):
    # type: (str, List[str], bool) -> Any
    """fstab's text with the line as wanted, or without; and the fields of the line that was there, None without one."""
    result = []  # type: List[str]
    before = None  # type: Optional[List[str]]
    line = " ".join(_escaped(field) for field in [wanted[1], wanted[0]] + wanted[2:]) + "\n" if present else ""
    for each in text.splitlines(True):
        fields = [_plain(field) for field in each.split()] if not each.lstrip().startswith("#") else []
        if len(fields) < 3 or not _same_place(fields, wanted):
            result.append(each)
            continue
        fields += ["defaults", "0", "0"][len(fields) - 3:]
        entry = [fields[1], fields[0]] + fields[2:6]
        if before is None and present:
            result.append(each if entry == wanted else line)
        before = before or entry
    if before is None and present:
        if result and not result[-1].endswith("\n"):
            result[-1] += "\n"
        result.append(line)
    return "".join(result), before


def _same_place(fields, wanted):
    # type: (List[str], List[str]) -> bool
    if wanted[0].startswith("/"):
        return os.path.normpath(fields[1]) == wanted[0]
    return fields[1] == wanted[0] and (wanted[1] is None or fields[0] == wanted[1])  # swap: many lines have no mount point


def _escaped(text):
    # type: (str) -> str
    text = text.replace("\\", "\\134")
    for char, code in _ESCAPES:
        text = text.replace(char, code)
    return text


def _plain(text):
    # type: (str) -> str
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def mounted(path):
    # type: (str) -> List[Mounted]
    """What is mounted at a path, the topmost last."""
    found = []
    place = os.path.realpath(path)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        for line in stream:
            first, _dash, second = line.partition(" - ")
            fields, more = first.split(), second.split()
            if _plain(fields[4]) == place:
                found.append(Mounted(_plain(more[1]), more[0], fields[5].split(",") + more[2].split(",")))
    return found


def _mount(m, path):
    # type: (Module, str) -> Generator[Change, Any, None]
    args = m.args
    if not os.path.exists(path):
        yield Change("mount point", "absent", "directory", lambda: os.makedirs(path), path)
    command = ["mount", "-t", args.fstype, "-o", _options(args), "--", args.src, path]
    yield Change("mount", None if args.opts_no_log else "", None if args.opts_no_log else "%s %s %s\n" % (args.src, args.fstype, _options(args)),
                 lambda: _call(m, command), path)


def _call(m, command):
    # type: (Module, List[str]) -> None
    done = m.run(command)
    if done.rc != 0:
        text = done.stderr.strip() or "status %d" % done.rc
        for secret in filter(None, (m.args.opts or "").split(",") if m.args.opts_no_log else ()):
            text = text.replace(secret, "********")
        m.fail("cannot mount %s: %s" % (m.args.path, text), rc=done.rc)


def _unmount(m, path, there):
    # type: (Module, str, List[Mounted]) -> Generator[Change, Any, None]
    if there:
        yield Change("mount", "%s %s\n" % (there[-1].src, there[-1].fstype), "", lambda: m.run(["umount", path], ok=[0]), path)


def _remount(m, path, options):
    # type: (Module, str, str) -> Generator[Change, Any, None]
    words = ["remount"] + (["bind"] if _BIND & set(options.split(",")) else []) + [options]
    yield Change("remount of " + path, apply=lambda: _call(m, ["mount", "-o", ",".join(words), "--", m.args.src, path]))


def _mounted(m, path, there, entry):
    # type: (Module, str, List[Mounted], Optional[List[str]]) -> Generator[Change, Any, None]
    """entry: the line in fstab as it is (the wanted one where nothing changes)."""
    args = m.args
    if not there:
        yield from _mount(m, path)
    elif entry is None or entry[1:3] != [args.src, args.fstype]:
        if entry is None and _is_src(args, path, there[-1]):
            return  # mounted by hand, only its line is missing
        yield from _unmount(m, path, there)
        yield from _mount(m, path)
    elif entry[3] != _options(args):
        yield from _remount(m, path, _options(args))


def _ephemeral(m, path, there):
    # type: (Module, str, List[Mounted]) -> Generator[Change, Any, None]
    args = m.args
    if not there:
        yield from _mount(m, path)
        return
    now = there[-1]
    if not _is_src(args, path, now):
        m.fail("%s is mounted on %s already; state=ephemeral does not put %s in its place" % (now.src, path, args.src))
    have = {_normal(word) for word in now.opts}
    if not all(_normal(word) in have for word in (args.opts or "").split(",") if word not in _UNSEEN):
        yield from _remount(m, path, _options(args))


def _is_src(args, path, now):
    # type: (Any, str, Mounted) -> bool
    """Whether what is mounted came from the src asked for."""
    src = args.src
    for name in ("UUID", "LABEL", "PARTUUID", "PARTLABEL"):
        if src.startswith(name + "="):
            src = "/dev/disk/by-%s/%s" % (name.lower(), src[len(name) + 1:].strip('"'))
    if _BIND & set(_options(args).split(",")):
        return os.path.exists(src) and os.path.samefile(src, path)
    return bool(src == now.src) or (src.startswith("/") and os.path.realpath(src) == os.path.realpath(now.src))


def _normal(option):
    # type: (str) -> Any
    """A mount option so that 10m is 10240k, and 0755 is 755."""
    name, _equals, value = option.partition("=")
    found = re.match(r"^0*(\d+)([kmg]?)$", value.lower())
    if found is None:
        return name, value
    return name, int(found.group(1)) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[found.group(2)]

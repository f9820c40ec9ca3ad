"""An archive's members, unpacked where they are missing or differ."""
import os
import stat
import tarfile
import zipfile
from typing import IO, Any, Dict, List, Tuple

from fleet.modules import _http
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "unarchive", "Unpack a tar or zip archive",
    dict({
        "src": Opt("path", "The archive: on the controller, or on the target with remote_src, which also takes a URL.", required=True),
        "dest": Opt("path", "Directory to unpack in; it must exist.", required=True),
        "remote_src": Opt("bool", "src is on the target, or a URL that the target loads.", default=False),
        "validate_certs": Opt("bool", "Check the certificate of an https URL.", default=True),
        "creates": Opt("path", "Do nothing when this exists."),
        "exclude": Opt("list", "Members to leave out (shell patterns).", default=[], elements="str"),
        "include": Opt("list", "Only these members (shell patterns).", default=[], elements="str"),
        "extra_opts": Opt("list", "Options of tar: --strip-components=N, --exclude=PATTERN, --no-same-owner and the like; others are refused by name.",
                          default=[], elements="str"),
        "keep_newer": Opt("bool", "Leave files that are newer than the archive's.", default=False),
        "list_files": Opt("bool", "Return the names of the members.", default=False),
    }, **file_options()),
    returns={"dest": Ret("path", "Where."), "src": Ret("path", "From what."), "handler": Ret("str", "TarArchive or ZipArchive."),
             "files": Ret("list", "The members.", "list_files", elements="str")},
    mutually_exclusive=[("include", "exclude")],
    examples="- unarchive: {src: app.tar.gz, dest: /opt/app}\n",
    notes=["tar (plain, gz, bz2, xz) and zip. A member that leads outside of dest, by its name or through a link, and device files are refused before "
           "anything is written."],
)


class Member:
    """One member: name, kind (file, directory, link), mode, size, mtime, target of a link."""

    def __init__(self, name, kind, mode, size, mtime, target=None, source=None):
        # type: (str, str, int, int, float, Any, Any) -> None
        self.name, self.kind, self.mode, self.size, self.mtime, self.target, self.source = name, kind, mode, size, mtime, target, source


def run(m):
    # type: (Module) -> Any
    args = m.args
    if args.creates and os.path.exists(os.path.expanduser(args.creates)):
        return {"skipped": True, "msg": "skipped, since %s exists" % args.creates, "dest": args.dest, "src": args.src}
    dest = os.path.expanduser(args.dest)
    if not os.path.isdir(dest):
        m.fail("Destination '%s' is not a directory" % dest)
    if args.remote_src and "://" in args.src:
        stream = loaded(m)
    elif args.remote_src and not os.path.exists(args.src):
        m.fail("Source '%s' does not exist" % args.src)
    else:
        stream = open(args.src, "rb") if args.remote_src or m.blob is None else m.blob
    try:
        return (yield from unpack(m, stream, dest))
    finally:
        if stream is not m.blob:
            stream.close()


def loaded(m):
    # type: (Module) -> IO[bytes]
    """The archive behind a URL, in a file without a name."""
    import shutil
    import tempfile
    for name, option in _http.options(60.0).items():
        m.args.setdefault(name, option.default)
    stream = tempfile.TemporaryFile()
    try:
        with _http.open_url(m, m.args.src) as answer:
            shutil.copyfileobj(answer, stream, 1 << 18)
    except (OSError, ValueError) as error:
        stream.close()
        m.fail("the archive did not come from %s: %s" % (m.args.src, error))
    stream.seek(0)
    return stream


def wanted(m, members):
    # type: (Module, List[Member]) -> List[Member]
    """The members that are asked for, by the names they get."""
    import fnmatch
    args = m.args
    strip, exclude = tar_options(m)
    chosen = []
    for each in members:
        above = [each.name.rsplit("/", depth)[0] for depth in range(each.name.count("/") + 1)]  # itself and the directories it is in
        if args.include and not any(fnmatch.fnmatch(each.name, pattern) for pattern in args.include):
            continue
        if any(fnmatch.fnmatch(each.name, pattern) for pattern in args.exclude) or any(fnmatch.fnmatch(name, pattern) for name in above for pattern in exclude):
            continue
        each.name = "/".join(each.name.split("/")[strip:])
        if each.kind == "hard":
            each.target = "/".join(each.target.split("/")[strip:])
        if each.name:
            chosen.append(each)
    return chosen


_IGNORED = ("--no-same-owner", "--no-same-permissions", "--overwrite", "--no-overwrite-dir", "-o", "--same-permissions", "-p", "--preserve-permissions")


def tar_options(m):
    # type: (Module) -> Tuple[int, List[str]]
    """(--strip-components, patterns of --exclude) among extra_opts; an option's value may stand in the next word."""
    strip, exclude = 0, []  # type: int, List[str]
    words = list(m.args.extra_opts)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name in ("--strip-components", "--strip", "--exclude", "--transform"):
            value = value if equals else (words.pop(0) if words else "")
        if name in ("--strip-components", "--strip") and value.isdigit():
            strip = int(value)
        elif name == "--exclude" and value:
            exclude.append(value.rstrip("/"))
        elif name not in _IGNORED:
            m.fail("extra_opts: '%s' is not supported; --strip-components=N and --exclude=PATTERN are" % (name + (equals + value if equals else "")))
    return strip, exclude


def unpack(m, stream, dest):
    # type: (Module, IO[bytes], str) -> Any
    args = m.args
    handler, members, read = opened(m, stream)
    chosen = wanted(m, members)
    guard(m, chosen, dest)
    for each in chosen:
        path = os.path.join(dest, each.name)
        if differs(m, each, path):
            yield Change(each.kind, None, None, write(m, each, path, read), path)
    for each in chosen:
        path = os.path.join(dest, each.name)
        if os.path.lexists(path):
            mode = args.mode if args.mode is not None else None
            yield from files.attributes(m, path, each.kind != "link", None, mode, args.owner, args.group)
    result = {"dest": dest, "src": args.src, "handler": handler}  # type: Dict[str, Any]
    if args.list_files:
        result["files"] = [each.name for each in chosen]
    return dict(files.described(dest), **result)


def opened(m, stream):
    # type: (Module, IO[bytes]) -> Any
    """(the handler's name, the members, a function that opens a member)."""
    try:
        if zipfile.is_zipfile(stream):
            archive = zipfile.ZipFile(stream)
            return "ZipArchive", [zipped(archive, info) for info in archive.infolist()], lambda member: archive.open(member.source)
        stream.seek(0)
        tar = tarfile.open(fileobj=stream, mode="r:*")
        return "TarArchive", [tarred(m, info) for info in tar.getmembers()], lambda member: tar.extractfile(member.source)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        m.fail("Failed to find handler for '%s': it is no archive that can be read (%s)" % (m.args.src, error))


def zipped(archive, info):
    # type: (zipfile.ZipFile, zipfile.ZipInfo) -> Member
    import time
    mode = (info.external_attr >> 16) & 0o7777
    moment = time.mktime(info.date_time + (0, 0, -1))
    if stat.S_ISLNK(info.external_attr >> 16):
        return Member(info.filename, "link", 0o777, 0, moment, archive.read(info).decode("utf-8", "surrogateescape"), info)
    if info.filename.endswith("/"):
        return Member(info.filename.rstrip("/"), "directory", mode or 0o755, 0, moment, None, info)
    return Member(info.filename, "file", mode or 0o644, info.file_size, moment, None, info)


def tarred(m, info):
    # type: (Module, tarfile.TarInfo) -> Member
    name = os.path.normpath(info.name) if not info.name.startswith("/") and ".." not in info.name.split("/") else info.name
    kind = "file" if info.isreg() else "directory" if info.isdir() else "link" if info.issym() else "hard" if info.islnk() else "device"
    return Member(name, kind, info.mode & 0o7777, info.size, info.mtime, info.linkname, info)


def guard(m, members, dest):
    # type: (Module, List[Member], str) -> None
    """Refuse what would be written outside of dest, also by way of a link of the archive."""
    root = os.path.realpath(dest)
    links = {each.name: each.target for each in members if each.kind == "link"}
    for each in members:
        parts = each.name.split("/")
        if each.name.startswith("/") or ".." in parts:
            m.fail("the member '%s' leads outside of %s; nothing was unpacked" % (each.name, dest))
        if each.kind == "device":
            m.fail("the member '%s' is a device; nothing was unpacked" % each.name)
        if each.kind == "hard" and (each.target.startswith("/") or ".." in each.target.split("/")):
            m.fail("the hard link '%s' leads outside of %s; nothing was unpacked" % (each.name, dest))
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            place = os.path.join(root, os.path.dirname(above), links[above]) if above in links else os.path.join(root, above)
            if not (os.path.realpath(place) + "/").startswith(root + "/"):
                m.fail("the member '%s' leads outside of %s through the link '%s'; nothing was unpacked" % (each.name, dest, above))


def differs(m, each, path):
    # type: (Module, Member, str) -> bool
    try:
        now = os.lstat(path)
    except OSError:
        return True
    if each.kind == "directory":
        return not stat.S_ISDIR(now.st_mode) and not os.path.isdir(path)
    if each.kind == "link":
        return not stat.S_ISLNK(now.st_mode) or os.readlink(path) != each.target
    if each.kind == "hard":
        return False
    if not stat.S_ISREG(now.st_mode):
        return True
    if m.args.keep_newer and now.st_mtime > each.mtime:
        return False
    return now.st_size != each.size or int(now.st_mtime) != int(each.mtime) or (m.args.mode is None and stat.S_IMODE(now.st_mode) != each.mode)


def write(m, each, path, read):
    # type: (Module, Member, str, Any) -> Any
    def act():
        # type: () -> None
        if each.kind == "directory":
            os.makedirs(path, exist_ok=True)
            os.chmod(path, each.mode)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if each.kind in ("link", "hard"):
            if os.path.lexists(path):
                os.unlink(path)
            if each.kind == "link":
                os.symlink(each.target, path)
            else:
                os.link(os.path.join(os.path.expanduser(m.args.dest), each.target), path)
            return
        with read(each) as source:
            files.write(m, path, source, mode="%04o" % each.mode)
        os.utime(path, (each.mtime, each.mtime))
    return act

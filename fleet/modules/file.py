"""Files, directories and links: there or not, of which kind, whose, with which mode."""
import os
import shutil
import stat
import time
from typing import Any, Dict, Iterator

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "file", "Manage files, directories, links and their attributes",
    dict({
        "path": Opt("path", "The path to manage.", required=True, aliases=["dest", "name"]),
        "state": Opt("str", "What is to be there. By default `file`, or `directory` with recurse: what is there, with the attributes given.",
                     choices=["absent", "directory", "file", "hard", "link", "touch"]),
        "src": Opt("path", "What a link points to; relative to the link's directory for state=link."),
        "recurse": Opt("bool", "Give everything below a directory the same attributes.", default=False),
        "force": Opt("bool", "Make a link though its target is missing, or in place of a file.", default=False),
        "follow": Opt("bool", "Manage what a link at `path` points to.", default=True),
        "modification_time": Opt("str", "`preserve`, `now` or a time as modification_time_format writes it."),
        "modification_time_format": Opt("str", "strptime format of modification_time.", default="%Y%m%d%H%M.%S"),
        "access_time": Opt("str", "`preserve`, `now` or a time as access_time_format writes it."),
        "access_time_format": Opt("str", "strptime format of access_time.", default="%Y%m%d%H%M.%S"),
        "_diff_peek": Opt("raw", "Ignored; kept for old playbooks."),
        "_original_basename": Opt("str", "Ignored; kept for old playbooks."),
    }, **file_options()),
    returns={
        "path": Ret("path", "The path managed.", "state is not link or hard"), "dest": Ret("path", "The path managed.", "state is link, hard or touch"),
        "src": Ret("path", "What the link points to.", "state is link or hard"), "state": Ret("str", "What is there now."),
        "mode": Ret("str", "Its mode, octal."), "owner": Ret("str", "Its owner."), "group": Ret("str", "Its group."),
        "uid": Ret("int", "Its owner's number."), "gid": Ret("int", "Its group's number."), "size": Ret("int", "Its size."),
    },
    examples="- file: {path: /srv/app, state: directory, owner: app, mode: \"0755\"}\n- file: {src: /srv/app/current.conf, dest: /etc/app.conf, state: link}\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    path = os.path.expanduser(args.path)
    state = args.state or ("directory" if args.recurse else None)
    if args.recurse and state != "directory":
        m.fail("recurse makes sense with state=directory only", path=path)
    if args.src and state not in ("link", "hard"):
        m.fail("src option requires state to be 'link' or 'hard'", path=path)
    now = kind(path)
    if state is None:
        state = "file" if now != "directory" else "directory"
        if now == "link" and not args.follow:
            state = "link"
    handler = {"absent": absent, "directory": directory, "file": existing, "touch": touch, "link": link, "hard": hard}[state]
    result = yield from handler(m, path, now)
    return result


def kind(path):
    # type: (str) -> str
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    return "link" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "file"


def finished(where, **more):
    # type: (str, **Any) -> Dict[str, Any]
    return dict(files.described(where), **more)


def owned(m, path, follow=True):
    # type: (Module, str, bool) -> Iterator[Change]
    return files.attributes(m, path, follow, None, m.args.mode, m.args.owner, m.args.group, m.args.attributes)


def absent(m, path, now):
    # type: (Module, str, str) -> Any
    if now != "absent":
        remove = (lambda: shutil.rmtree(path)) if now == "directory" else (lambda: os.unlink(path))
        yield Change("state", now, "absent", remove, path)
    return {"path": path, "state": "absent"}


def directory(m, path, now):
    # type: (Module, str, str) -> Any
    if now == "link" and m.args.follow:
        path = os.path.realpath(path)
        now = kind(path)
    if now in ("file", "link"):
        m.fail("%s already exists as a %s" % (path, now), path=path)
    if now == "absent":
        yield from make_directories(m, path)
    yield from owned(m, path)
    if m.args.recurse and now == "directory":
        for folder, folders, names in os.walk(path):
            for name in folders + names:
                inner = os.path.join(folder, name)
                if os.path.islink(inner):
                    yield from files.attributes(m, inner, False, None, None, m.args.owner, m.args.group)
                else:
                    yield from owned(m, inner)
    return finished(path, path=path) if not m.check or now != "absent" else {"path": path, "state": "directory"}


def make_directories(m, path):
    # type: (Module, str) -> Iterator[Change]
    """The directory and those missing above it, each with the attributes asked for."""
    missing = []
    each = os.path.abspath(path)
    while not os.path.isdir(each):
        if os.path.lexists(each) and not os.path.isdir(os.path.realpath(each)):
            m.fail("cannot make the directory %s: %s is no directory" % (path, each), path=path)
        missing.append(each)
        each = os.path.dirname(each)

    def make():
        # type: () -> None
        for each in reversed(missing):
            os.mkdir(each)
            for change in owned(m, each):
                if change.apply:
                    change.apply()

    yield Change("state", "absent", "directory", make, path)


def existing(m, path, now):
    # type: (Module, str, str) -> Any
    if now == "link" and m.args.follow:
        path = os.path.realpath(path)
        now = kind(path)
    if now == "absent":
        m.fail("file (%s) is absent, cannot continue" % path, path=path, state="absent")
    if now == "directory":
        m.fail("%s is a directory; state=file manages files" % path, path=path)
    yield from owned(m, path, m.args.follow)
    yield from times(m, path, "preserve")
    return finished(path, path=path)


def touch(m, path, now):
    # type: (Module, str, str) -> Any
    if now == "link" and m.args.follow:
        path = os.path.realpath(path)
        now = kind(path)
    if now == "absent":
        def make():
            # type: () -> None
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
        yield Change("state", "absent", "touch", make, path)
        yield from owned(m, path)
        yield from times(m, path, "preserve")
    else:
        yield from owned(m, path)
        yield from times(m, path, "now")
    return finished(path, dest=path) if os.path.lexists(path) else {"dest": path, "state": "file"}


def times(m, path, default):
    # type: (Module, str, str) -> Iterator[Change]
    if m.check and not os.path.lexists(path):
        return
    old = os.stat(path)
    wanted = []
    for name, current in (("access_time", old.st_atime_ns), ("modification_time", old.st_mtime_ns)):
        given = m.args[name] or default
        if given == "preserve":
            wanted.append(current)
        elif given == "now":
            wanted.append(time.time_ns() if hasattr(time, "time_ns") else int(time.time() * 1e9))
        else:
            try:
                moment = time.mktime(time.strptime(given, m.args[name + "_format"]))
            except ValueError as error:
                m.fail("%s: %s" % (name, error), path=path)
            wanted.append(int(moment) * 10 ** 9)
    if wanted != [old.st_atime_ns, old.st_mtime_ns]:
        yield Change("times", None, None, lambda: os.utime(path, ns=(wanted[0], wanted[1])), path)


def link(m, path, now):
    # type: (Module, str, str) -> Any
    src, force = m.args.src, m.args.force
    old = os.readlink(path) if now == "link" else None
    if src is None:
        if now != "link":
            m.fail("src is required to make a link", path=path)
        src = old if not m.args.follow else os.path.realpath(path)
        if m.args.follow:
            yield from owned(m, path)
            return finished(path, dest=path, src=src)
    if now == "directory":
        if not os.path.islink(path) and not force:
            m.fail("refusing to convert from directory to symlink for %s" % path, path=path)
        if os.listdir(path):
            m.fail("the directory %s is not empty, refusing to convert it" % path, path=path)
    elif now == "file" and not force:
        m.fail("refusing to convert from file to symlink for %s" % path, path=path)
    target = os.path.join(os.path.dirname(path), src)
    if not force and not os.path.exists(target):
        m.fail("src file does not exist, use \"force=yes\" if you really want to create the link: %s" % target, path=path, src=src)
    if old != src:
        yield Change("link", old if now == "link" else now, src, lambda: replace(path, now, lambda temporary: os.symlink(src, temporary)), path)
    if m.args.owner is not None or m.args.group is not None or (m.args.mode is not None and m.args.follow):
        follow = m.args.follow and os.path.exists(target)
        if follow or os.path.lexists(path):
            yield from owned(m, path, follow)
    result = finished(path, dest=path, src=src)
    result["state"] = "link"
    return result


def hard(m, path, now):
    # type: (Module, str, str) -> Any
    src = m.args.src
    if src is None:
        m.fail("src is required to make a hard link", path=path)
    if not os.path.exists(src):
        m.fail("src does not exist: %s" % src, path=path, src=src)
    same = now == "file" and os.path.samefile(path, src)
    if not same:
        if now == "directory" or (now in ("file", "link") and not m.args.force):
            m.fail("cannot link, different hard link exists at destination: %s" % path if now == "file" else
                   "refusing to convert from %s to hard link for %s" % (now, path), path=path, src=src)
        yield Change("hard link", None if now == "absent" else now, src, lambda: replace(path, now, lambda temporary: os.link(src, temporary)), path)
    yield from owned(m, path)
    return dict(finished(path, dest=path, src=src), state="hard")


def replace(path, now, make):
    # type: (str, str, Any) -> None
    """Make something beside the path and rename it there, so that the path is never missing."""
    if now == "directory":
        os.rmdir(path)
    temporary = "%s.fleet-%d" % (path, os.getpid())
    make(temporary)
    try:
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise

"""Files, directories and links: whether they are there, and their attributes."""
import os
import time
from typing import Any, Dict, Generator, List, Optional

from fleet.modules._fs import SELINUX, expand, kind, make_folders, temporary_name, wanted
from fleet.runner.files import described, write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "file", "Manage files, directories, links and their attributes",
    dict(
        file_options(),
        path=Opt("path", "The path to manage.", required=True, aliases=["dest", "name"]),
        state=Opt("str", "What it shall be; what it is now (or `file`, or `directory` with `recurse`) when not given. "
                         "`file` creates nothing: use `touch`, copy or template.",
                  choices=["absent", "directory", "file", "hard", "link", "touch"]),
        src=Opt("path", "What a link points to. For `link` it may be relative, and is then read from the link's directory."),
        recurse=Opt("bool", "Apply the attributes to everything in the directory too.", default=False),
        force=Opt("bool", "Make a link to what does not exist (yet), and replace a file or an empty directory by a link.", default=False),
        follow=Opt("bool", "Apply the attributes to what a link points to, not to the link.", default=True),
        modification_time=Opt("str", "`preserve`, `now`, or a time; `now` for `touch`, else `preserve`."),
        modification_time_format=Opt("str", "How modification_time is written, as strftime says it.", default="%Y%m%d%H%M.%S"),
        access_time=Opt("str", "`preserve`, `now`, or a time; `now` for `touch`, else `preserve`."),
        access_time_format=Opt("str", "How access_time is written, as strftime says it.", default="%Y%m%d%H%M.%S"),
        _original_basename=Opt("str", "The name `src` had before another tool renamed it."),
        _diff_peek=Opt("bool", "Accepted for old playbooks; without effect."),
    ),
    returns={
        "path": Ret("str", "The path.", returned="state=absent, directory or file"), "dest": Ret("str", "The path.", returned="state=touch, hard or link"),
        "src": Ret("str", "What the link points to.", returned="state=link or hard"),
        "state": Ret("str", "What the path is now."), "mode": Ret("str", "Its permissions, octal.", returned="not absent"),
        "uid": Ret("int", "Its owner.", returned="not absent"), "gid": Ret("int", "Its group.", returned="not absent"),
        "owner": Ret("str", "Its owner's name.", returned="not absent"), "group": Ret("str", "Its group's name.", returned="not absent"),
        "size": Ret("int", "Bytes.", returned="not absent"),
    },
    examples="""
- name: A directory, and those above it
  file:
    path: /srv/app/data
    state: directory
    owner: www-data
    mode: "0750"

- name: A link
  file:
    src: releases/42
    dest: /srv/app/current
    state: link

- name: Gone
  file:
    path: /etc/nginx/sites-enabled/default
    state: absent
""")

NOW = "now"


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    path = args["path"] = expand(args.path)
    if args.src is not None:
        args["src"] = expand(args.src)
    have = kind(m, path)
    state = _state(m, have)
    if args.src is not None and state not in ("link", "absent") and have == "directory":
        path = args["path"] = os.path.join(path, os.path.basename(args._original_basename or args.src))
        have = kind(m, path)
    steps = STATES[state](m, path, have)
    if not m.diff:
        return (yield from steps)
    seen = []  # type: List[Change]
    content = _content(path) if state == "absent" and have == "directory" else None
    result = yield from _noting(steps, seen)
    result["diff"] = _diff(path, seen, content)
    return result


def _state(m, have):
    # type: (Module, str) -> str
    args = m.args
    state = args.state or ("directory" if args.recurse else "file" if have == "absent" else have)  # type: str
    if args.recurse and state != "directory":
        m.fail("recurse option requires state to be 'directory'", path=args.path)
    if args.src is not None and args.state not in ("link", "hard", "absent"):
        m.fail("src option requires state to be 'link' or 'hard'", path=args.path)
    return state


def _noting(steps, seen):
    # type: (Generator[Change, Any, Dict[str, Any]], List[Change]) -> Generator[Change, Any, Dict[str, Any]]
    outcome = None
    try:
        while True:
            change = steps.send(outcome)
            seen.append(change)
            outcome = yield change
    except StopIteration as stop:
        return dict(stop.value)


def _diff(path, seen, content):
    # type: (str, List[Change], Optional[Dict[str, List[str]]]) -> Dict[str, Any]
    diff = {"before": {"path": path}, "after": {"path": path}}  # type: Dict[str, Dict[str, Any]]
    for change in seen:
        name = change.what if change.path in (None, path) else "%s of %s" % (change.what, change.path)
        diff["before"][name], diff["after"][name] = change.before, change.after
    if content:
        diff["before"]["path_content"] = content
    return diff


def _content(path):
    # type: (str) -> Dict[str, List[str]]
    found = {"directories": [], "files": []}  # type: Dict[str, List[str]]
    for folder, folders, files in os.walk(path):
        found["directories"] += [os.path.join(folder, name) for name in folders]
        found["files"] += [os.path.join(folder, name) for name in files]
    return found


def _times(m, path, default, follow=True):
    # type: (Module, str, str, bool) -> Generator[Change, Any, None]
    """The changes of a path's times. default: what is meant when a time is not given."""
    args = m.args
    access = _moment(m, args.access_time or default, args.access_time_format)
    modification = _moment(m, args.modification_time or default, args.modification_time_format)
    if access is None and modification is None:
        return
    if access == modification == NOW:
        # The kernel's own "now" is the one a user who may write but does not own the file is allowed to set.
        yield Change("times", None, NOW, lambda: os.utime(path, None, follow_symlinks=follow), path)
        return
    try:
        now = os.stat(path, follow_symlinks=follow)
    except FileNotFoundError:
        if m.check:
            return
        raise
    times = [now.st_atime_ns, now.st_mtime_ns]
    for number, what, moment in ((0, "access_time", access), (1, "modification_time", modification)):
        if moment is None:
            continue
        value = time.time_ns() if hasattr(time, "time_ns") and moment == NOW else int((time.time() if moment == NOW else moment) * 10**9)
        if value != times[number]:
            before, times[number] = times[number], value
            pair = (times[0], times[1])
            yield Change(what, before / 1e9, value / 1e9, lambda pair=pair: os.utime(path, ns=pair, follow_symlinks=follow), path)  # type: ignore[misc]


def _moment(m, text, form):
    # type: (Module, str, str) -> Any
    """None to preserve, NOW, or seconds since the epoch."""
    if text == "preserve":
        return None
    if text == NOW:
        return NOW
    try:
        return time.mktime(time.strptime(text, form))
    except (ValueError, OverflowError) as error:
        m.fail("Error while obtaining timestamp for time %s using format %s: %s" % (text, form, error), path=m.args.path)


def _file(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    if have == "link" and m.args.follow:
        path = os.path.realpath(path)
        have = kind(m, path)
    if have not in ("file", "hard"):
        # Ownership is looked up all the same, so that a plan names an unknown user here too.
        yield from wanted(m, path) if m.check and have == "absent" else ()
        word = "absent" if have == "absent" else "a " + have
        m.fail("file (%s) is %s, cannot continue" % (path, word), path=path, state=have)
    yield from wanted(m, path, follow=False)
    yield from _times(m, path, "preserve")
    return dict(described(path), path=path)


def _directory(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if have == "link" and args.follow:
        path = os.path.realpath(path)
        have = kind(m, path)
    if have not in ("absent", "directory"):
        m.fail("%s already exists as a %s" % (path, have), path=path)
    if have == "absent":
        made = yield from make_folders(m, path, args.mode, args.owner, args.group)
        if m.check:
            yield from wanted(m, path)
            return {"path": path, "state": "directory"}
        if args.attributes or any(args[part] is not None for part in SELINUX):
            for folder in reversed(made):
                yield from wanted(m, folder)
    else:
        yield from wanted(m, path, follow=False)
    yield from _times(m, path, "preserve")
    if args.recurse and have != "absent":
        yield from _below(m, path, {os.path.realpath(path)})
    return dict(described(path), path=path)


def _below(m, path, visited):
    # type: (Module, str, Any) -> Generator[Change, Any, None]
    """The attributes of everything in a directory; what links point to only with `follow`."""
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            entry = os.path.join(folder, name)
            if not os.path.islink(entry) or not m.args.follow:
                yield from wanted(m, entry, follow=False)
            elif os.path.exists(entry):
                target = os.path.realpath(entry)
                if target not in visited:
                    visited.add(target)
                    yield from wanted(m, target, follow=False)
                    if os.path.isdir(target):
                        yield from _below(m, target, visited)


def _touch(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if have == "link" and args.follow:
        path = os.path.realpath(path)
        have = kind(m, path)
    if have == "link":
        m.fail("Can only touch files, directories, and hardlinks (%s is a link)" % path, dest=path)
    if have == "absent":
        yield Change("state", "absent", "touch", lambda: write(m, path, b"", args.mode, args.owner, args.group), path)
        if m.check:
            yield from wanted(m, path)
            return {"dest": path, "state": "file"}
        yield from wanted(m, path)
        if "preserve" not in (args.access_time, args.modification_time) and (args.access_time or args.modification_time):
            yield from _times(m, path, NOW)
    else:
        yield from wanted(m, path, follow=False)
        yield from _times(m, path, NOW)
    return dict(described(path), dest=path)


def _absent(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    import shutil
    if have == "directory":
        yield Change("state", have, "absent", lambda: shutil.rmtree(path), path)
    elif have != "absent":
        yield Change("state", have, "absent", lambda: os.unlink(path), path)
    return {"path": path, "state": "absent"}


def _link(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    src = args.src
    if src is None:
        if have != "link":
            m.fail("src is required for creating new symlinks", path=path, dest=path)
        src = os.readlink(path)
    target = os.path.join(path if have == "directory" else os.path.dirname(path), src)
    there = os.path.exists(target)
    if args.src is not None and not there and not args.force:
        m.fail('src file does not exist, use "force=yes" if you really want to create the link: %s' % target, path=path, src=src, dest=path)
    before = os.readlink(path) if have == "link" else None
    if before != src:
        _may_convert(m, path, have, "symlink")
        if before is None:
            yield Change("state", have, "link", lambda: _place(path, have, lambda name: os.symlink(src, name)), path)
        else:
            yield Change("src", before, src, lambda: _place(path, have, lambda name: os.symlink(src, name)), path)
    if not args.follow:
        yield from wanted(m, path, follow=False)
    elif there:
        yield from wanted(m, target)
    elif any(args[name] is not None for name in ("mode", "owner", "group", "attributes") + SELINUX):
        m.warn("Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.")
    yield from _times(m, path, "preserve", follow=bool(args.follow and there))
    return dict(described(path) if not m.check or have == "link" else {"state": "link"}, dest=path, src=src)


def _hard(m, path, have):
    # type: (Module, str, str) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    src = args.src
    if src is None:
        if have != "hard":
            m.fail("src is required for creating new hardlinks", dest=path)
    else:
        if not os.path.exists(src):
            m.fail("src does not exist", dest=path, src=src)
        if not _same(path, src):
            _may_convert(m, path, have, "hard link")
            yield Change("state", have, "hard", lambda: _place(path, have, lambda name: os.link(src, name)), path)
    yield from wanted(m, path)
    yield from _times(m, path, "preserve")
    result = described(path) if not m.check or have == "hard" else {"state": "hard"}
    return dict(result, dest=path, src=src)


def _same(path, src):
    # type: (str, str) -> bool
    try:
        return os.path.samestat(os.lstat(path), os.stat(src))
    except FileNotFoundError:
        return False


def _may_convert(m, path, have, wish):
    # type: (Module, str, str, str) -> None
    """A link replaces a link; a file or an empty directory only with `force`."""
    if have in ("absent", "link"):
        return
    if have == "directory" and os.listdir(path):
        m.fail("the directory %s is not empty, refusing to convert it" % path, path=path, dest=path)
    if not m.args.force:
        m.fail("refusing to convert from %s to %s for %s" % (have, wish, path), path=path, dest=path)


def _place(path, have, make):
    # type: (str, str, Any) -> None
    """Make a link under another name and rename it over what there is, so that the path is never missing (but for a directory)."""
    if have == "absent":
        make(path)
        return
    name = temporary_name(path)
    make(name)
    try:
        if have == "directory":
            os.rmdir(path)
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise


STATES = {"file": _file, "directory": _directory, "touch": _touch, "absent": _absent, "link": _link, "hard": _hard}

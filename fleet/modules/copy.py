"""A file's content and attributes; the controller's side sends the content (fleet.actions.copy)."""
import functools
import os
from typing import Any, Dict, Iterator

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "copy", "Copy files to remote locations",
    dict({
        "src": Opt("path", "File or directory: on the controller, or on the target with remote_src. A directory's name with / at its end means what is in it."),
        "content": Opt("raw", "The content itself, instead of src; data other than text is written as JSON."),
        "dest": Opt("path", "Where it goes; a directory takes the source's name.", required=True),
        "backup": Opt("bool", "Keep a copy of what was there.", default=False),
        "force": Opt("bool", "Replace a file that differs; otherwise only a missing file is written.", default=True),
        "remote_src": Opt("bool", "src is on the target.", default=False),
        "follow": Opt("bool", "Write to what a link at dest points to.", default=False),
        "local_follow": Opt("bool", "Follow links in the source.", default=True),
        "directory_mode": Opt("raw", "Mode of directories that are made."),
        "validate": Opt("str", "Command with %s for the new file, which must end with 0 before it is put in place."),
        "checksum": Opt("str", "SHA-1 the source must have."),
        "decrypt": Opt("bool", "Decrypt a vault-encrypted source.", default=True),
    }, **file_options()),
    main="src",
    returns={
        "dest": Ret("path", "The file written."), "src": Ret("path", "Where it came from.", "changed"), "checksum": Ret("str", "SHA-1 of the content."),
        "md5sum": Ret("str", "MD5 of the content, up to a MiB.", "changed"), "backup_file": Ret("path", "The copy of what was there.", "backup and changed"),
        "mode": Ret("str", "Its mode, octal."), "owner": Ret("str", "Its owner."), "group": Ret("str", "Its group."), "uid": Ret("int", "Its owner's number."),
        "gid": Ret("int", "Its group's number."), "size": Ret("int", "Its size."), "state": Ret("str", "What it is."),
    },
    mutually_exclusive=[("src", "content")],
    examples="- copy: {src: app.conf, dest: /etc/app.conf, mode: \"0644\", validate: app --check %s}\n- copy: {content: \"hello\\n\", dest: /etc/motd}\n",
)


def run(m):
    # type: (Module) -> Any
    """On the target: one file, whose content is args.content, the blob sent along, or a file here (remote_src)."""
    args = m.args
    if args.remote_src and args.src:
        if os.path.isdir(args.src):
            result = yield from remote_tree(m)
            return result
        if not os.path.exists(args.src):
            m.fail("Source %s not found" % args.src)
        with files.regular(args.src) as stream:
            return (yield from put(m, stream, os.path.basename(args.src)))
    if m.blob is not None:
        return (yield from put(m, m.blob, os.path.basename(args.src or "")))
    import io
    content = args.content if args.content is not None else ""
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else bytes(content)
    return (yield from put(m, io.BytesIO(data), os.path.basename(args.src or "")))


def put(m, stream, name):
    # type: (Module, Any, str) -> Any
    args = m.args
    dest = os.path.expanduser(args.dest)
    if dest.endswith("/") or os.path.isdir(dest):
        if not name:
            m.fail("can not use content with a dir as dest", dest=dest)
        if not os.path.isdir(dest):
            yield from folders(m, dest.rstrip("/"))
        dest = os.path.join(dest, name)
    elif not os.path.isdir(os.path.dirname(dest) or ".") and not m.check:
        m.fail("Destination directory %s does not exist" % os.path.dirname(dest), dest=dest)
    if args.follow:
        dest = os.path.realpath(dest)
    sha1 = getattr(stream, "sha1", None)  # made while the content came
    new = sha1() if sha1 else files.digest_stream(stream, "sha1")
    if args.checksum and args.checksum != new:
        m.fail("Copied file does not match the expected checksum. Transfer failed.", checksum=new, expected_checksum=args.checksum)
    old = files.digest(dest, "sha1")
    there = os.path.lexists(dest)
    if there and old is None and not os.path.islink(dest):
        m.fail("%s exists and is no file" % dest, dest=dest)
    result = {"dest": dest, "checksum": new, "src": args.src} if args.src else {"dest": dest, "checksum": new}
    stream.seek(0)
    if not sha1:
        result["md5sum"] = md5(stream)
    if old != new and (args.force or not there):
        yield from content(m, stream, dest, old, there, result)
    elif there and not args.force and old != new:
        result["msg"] = "file already exists"
    mode = None if args.mode == "preserve" else args.mode
    yield from files.attributes(m, dest, not os.path.islink(dest) or args.follow, None, mode, args.owner, args.group, args.attributes)
    result.update(files.described(dest) if os.path.lexists(dest) else {"state": "file"})
    return result


def content(m, stream, dest, old, there, result):
    # type: (Module, Any, str, Any, bool, Dict[str, Any]) -> Iterator[Change]
    args = m.args
    before = after = None
    if m.diff:
        stream.seek(0)
        after = files.shown(stream.read(files.SHOWN + 1))
        before = ""
        if old is not None:
            with open(dest, "rb") as current:
                before = files.shown(current.read(files.SHOWN + 1))

    def write():
        # type: () -> Any
        stream.seek(0)
        mode = None if args.mode == "preserve" else args.mode
        return files.write(m, dest, stream, mode, args.owner, args.group, args.unsafe_writes, args.backup and old is not None, args.validate)

    done = yield Change("content", before, after, write, dest)
    result.update(done or {})


def md5(stream):
    # type: (Any) -> Any
    try:
        return files.digest_stream(stream, "md5")
    except ValueError:
        return None  # FIPS


def folders(m, path):
    # type: (Module, str) -> Iterator[Change]
    args = m.args

    def make():
        # type: () -> None
        os.makedirs(path, exist_ok=True)
        for change in files.attributes(m, path, True, None, args.directory_mode, args.owner, args.group):
            if change.apply:
                change.apply()

    yield Change("state", "absent", "directory", make, path)


def relink(to, path):
    # type: (str, str) -> None
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(to, path)


def remote_tree(m):
    # type: (Module) -> Any
    """Copy a directory of the target to another place on it."""
    args = m.args
    src, dest = args.src, os.path.expanduser(args.dest)
    if not src.endswith("/"):
        dest = os.path.join(dest, os.path.basename(src)) if os.path.isdir(dest) or dest.endswith("/") else dest
    base = src.rstrip("/")
    for folder, _, names in os.walk(base):
        target = os.path.normpath(os.path.join(dest, os.path.relpath(folder, base)))
        if not os.path.isdir(target):
            yield from folders(m, target)
        for name in names:
            source, copy = os.path.join(folder, name), os.path.join(target, name)
            if os.path.islink(source):
                to = os.readlink(source)
                if not os.path.islink(copy) or os.readlink(copy) != to:
                    yield Change("link", None, to, functools.partial(relink, to, copy), copy)
                continue
            one = Module(dict(args, src=source, dest=copy, mode=os.stat(source).st_mode & 0o7777 if args.mode == "preserve" else args.mode), m.check, m.diff)
            with files.regular(source) as stream:
                yield from put(one, stream, name)
    return {"dest": dest, "src": src}

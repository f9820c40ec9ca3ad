"""One file of many fragments; the controller's side sends fragments of its own (fleet.actions.assemble)."""
import io
import os
import re
from typing import Any, Callable, List, Optional

from fleet.runner import files
from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "assemble", "Put a file together from fragments",
    dict({
        "src": Opt("path", "The directory of the fragments, taken in the order of their names.", required=True),
        "dest": Opt("path", "The file.", required=True),
        "remote_src": Opt("bool", "src is on the target; else on the controller.", default=True),
        "delimiter": Opt("str", "A line between fragments; `\\n` is a line end."),
        "regexp": Opt("str", "Take only the fragments whose names match this."),
        "ignore_hidden": Opt("bool", "Leave out names that start with a dot.", default=False),
        "backup": Opt("bool", "Keep a copy of what was there.", default=False),
        "validate": Opt("str", "Command with %s for the new file, which must end with 0 before it is put in place."),
        "decrypt": Opt("bool", "Decrypt vault-encrypted fragments of the controller.", default=True),
    }, **file_options()),
    returns={"dest": Ret("path", "The file."), "src": Ret("path", "The directory."), "checksum": Ret("str", "SHA-1 of the content."),
             "backup_file": Ret("path", "The copy of what was there.", "backup and changed"), "msg": Ret("str", "OK.")},
    examples="""
- assemble:
    src: /etc/ssh/sshd_config.parts
    dest: /etc/ssh/sshd_config
    validate: /usr/sbin/sshd -t -f %s
""")


def run(m):
    # type: (Module) -> Any
    args = m.args
    dest = os.path.expanduser(args.dest)
    if os.path.isdir(dest):
        m.fail("dest is a directory: %s" % dest)
    if args.remote_src:
        data = assembled(fragments(os.path.expanduser(args.src), args.regexp, args.ignore_hidden), args.delimiter, _read)
    else:
        data = m.blob.read() if m.blob is not None else b""
    checksum = files.digest_stream(io.BytesIO(data))
    result = {"src": args.src, "dest": dest, "checksum": checksum, "msg": "OK"}
    old = files.digest(dest)
    if old != checksum:
        show = [files.shown(each) if m.diff else None for each in (_read(dest) if old else b"", data)]

        def write():
            # type: () -> Any
            return files.write(m, dest, data, args.mode, args.owner, args.group, args.unsafe_writes, args.backup and old is not None, args.validate)

        result.update((yield Change("content", show[0], show[1], write, dest)) or {})
    yield from files.attributes(m, dest, True, None, args.mode, args.owner, args.group, args.attributes)
    return dict(files.described(dest), **result)


def fragments(folder, regexp, ignore_hidden):
    # type: (str, Optional[str], bool) -> List[str]
    """The fragments' paths in order. ModuleError when there is no such directory, or the expression is none."""
    if not os.path.isdir(folder):
        raise ModuleError("Source (%s) is not a directory" % folder if os.path.exists(folder) else "Source (%s) does not exist" % folder)
    try:
        wanted = re.compile(regexp or "")
    except re.error as error:
        raise ModuleError("Invalid Regexp (%s): %s" % (regexp, error))
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if wanted.search(name) and not (ignore_hidden and name.startswith("."))]
    return [path for path in paths if os.path.isfile(path)]


def assembled(paths, delimiter, read):
    # type: (List[str], Optional[str], Callable[[str], bytes]) -> bytes
    """The fragments' contents one after the other, each beginning on a line of its own, the delimiter between them."""
    between = b""
    if delimiter:
        between = re.sub(r"\\([nrt\\])", lambda found: {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}[found.group(1)], delimiter).encode("utf-8", "surrogateescape")
        between += b"" if between.endswith(b"\n") else b"\n"
    result = bytearray()
    for number, path in enumerate(paths):
        if result and not result.endswith(b"\n"):
            result += b"\n"
        result += (between if number else b"") + read(path)
    return bytes(result)


def _read(path):
    # type: (str) -> bytes
    with files.regular(path) as stream:
        return stream.read()

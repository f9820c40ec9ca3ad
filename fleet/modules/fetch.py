"""The target's side of fetch: a file's bytes, streamed to the controller."""
import hashlib
import os
from typing import Any

from fleet.runner import files
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "fetch", "Copy a file from the target to the controller",
    {
        "src": Opt("path", "The file on the target.", required=True),
        "dest": Opt("path", "Directory on the controller; the file goes to DEST/HOST/SRC, or with flat to DEST itself.", required=True),
        "flat": Opt("bool", "dest is the file (or, with / at its end, its directory).", default=False),
        "fail_on_missing": Opt("bool", "A missing file is a failure.", default=True),
        "validate_checksum": Opt("bool", "Compare the checksum of what arrived.", default=True),
        "have": Opt("str", "Internal: the checksum of the controller's copy, for which nothing is sent."),
    },
    returns={"dest": Ret("path", "The file on the controller."), "checksum": Ret("str", "Its SHA-1."), "remote_checksum": Ret("str", "The target's."),
             "md5sum": Ret("str", "Its MD5.")},
    examples="- fetch: {src: /var/log/app.log, dest: logs}\n",
)


def run(m):
    # type: (Module) -> Any
    path = os.path.expanduser(m.args.src)
    if not os.path.exists(path):
        return {"missing": True, "msg": "the remote file does not exist"}
    if os.path.isdir(path):
        m.fail("remote file is a directory, fetch cannot work on directories", file=m.args.src)
    digest = hashlib.sha1()
    with files.regular(path) as stream:
        for chunk in iter(lambda: stream.read(262144), b""):
            digest.update(chunk)
        if digest.hexdigest() != m.args.have and m.emit is not None:
            stream.seek(0)
            for chunk in iter(lambda: stream.read(262144), b""):
                m.emit(chunk)
    return {"remote_checksum": digest.hexdigest()}

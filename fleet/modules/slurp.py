"""A file's content, as base64."""
import base64
import os
from typing import Any

from fleet.runner import files
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

LIMIT = 48 * 1024 * 1024
SPEC = Spec(
    "slurp", "Read a file of the target",
    {"src": Opt("path", "The file.", required=True, aliases=["path"]),
     "armor": Opt("bool", "Give the content as base64; without it, as text.", default=True)},
    returns={"content": Ret("str", "The content, base64."), "encoding": Ret("str", "Always base64."), "source": Ret("path", "The file.")},
    examples="- slurp: {src: /etc/machine-id}\n  register: id\n- debug: {msg: \"{{ id.content | b64decode }}\"}\n",
    notes=["For files up to 48 MiB; `fetch` streams larger ones."],
)


def run(m):
    # type: (Module) -> Any
    path = os.path.expanduser(m.args.src)
    try:
        with files.regular(path) as stream:
            data = stream.read(LIMIT + 1)
    except FileNotFoundError:
        m.fail("File not found: %s" % path)
    except PermissionError:
        m.fail("File is not readable: %s" % path)
    except IsADirectoryError:
        m.fail("Source is a directory and must be a file: %s" % path)
    except OSError as error:
        m.fail("Unable to slurp file: %s: %s" % (path, error.strerror))
    if len(data) > LIMIT:
        m.fail("the file %s is larger than %d MiB; use fetch" % (path, LIMIT >> 20))
    if not m.args.armor:
        return {"content": data.decode("utf-8", "surrogateescape"), "encoding": "utf-8", "source": path}
    return {"content": base64.b64encode(data).decode("ascii"), "encoding": "base64", "source": path}

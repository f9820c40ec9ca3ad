"""A file from a URL, put in place whole."""
import hashlib
import os
import re
import tempfile
import time
import urllib.error
from typing import Any, Dict, Optional

from fleet.modules import _http
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

SPEC = Spec(
    "get_url", "Download a file over HTTP, HTTPS or FTP",
    dict(_http.options(10.0), **dict({
        "url": Opt("str", "What to download.", required=True),
        "dest": Opt("path", "Where it goes; a directory takes the URL's last part.", required=True),
        "checksum": Opt("str", "ALGORITHM:DIGEST, or ALGORITHM:URL of a file of checksums.", default=""),
        "force": Opt("bool", "Download though the file is there; without it an existing file is only replaced when its checksum is wrong.", default=False),
        "backup": Opt("bool", "Keep a copy of what was there.", default=False),
        "tmp_dest": Opt("path", "Directory for the download; beside dest by default."),
    }, **file_options())),
    returns={"dest": Ret("path", "The file."), "url": Ret("str", "The final URL."), "status_code": Ret("int", "HTTP status.", "downloaded"),
             "checksum_src": Ret("str", "SHA-1 of what came.", "downloaded"), "checksum_dest": Ret("str", "SHA-1 of what was there."),
             "msg": Ret("str", "What the server said."), "elapsed": Ret("int", "Seconds it took."), "size": Ret("int", "Its size.")},
    examples="- get_url: {url: \"https://example.org/app.tar.gz\", dest: /opt/, checksum: \"sha256:0123...\"}\n",
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    dest = os.path.expanduser(args.dest)
    if os.path.isdir(dest):
        name = args.url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
        if not name:
            m.fail("the URL has no file name, and dest is a directory", dest=dest, url=args.url)
        dest = os.path.join(dest, name)
    algorithm, wanted = expected(m)
    old = files.digest(dest)
    result = {"dest": dest, "url": args.url, "checksum_dest": old}  # type: Dict[str, Any]
    have = files.digest(dest, algorithm) if wanted and old else None
    if old is not None and not args.force and (wanted is None or have == wanted):
        yield from files.attributes(m, dest, True, None, args.mode, args.owner, args.group, args.attributes)
        return dict(files.described(dest), **dict(result, msg="file already exists"))
    if m.check and not args.force and old is None:
        yield Change("content", None, args.url, None, dest)
        return dict(result, msg="would be downloaded")
    if not os.path.isdir(os.path.dirname(dest) or "."):
        m.fail("Destination %s does not exist" % os.path.dirname(dest), **result)
    started = time.time()
    path, answer = download(m, os.path.dirname(dest) or ".")
    try:
        new = files.digest(path)
        result.update(answer, checksum_src=new, elapsed=int(time.time() - started))
        if wanted and files.digest(path, algorithm) != wanted:
            m.fail("The checksum for %s did not match %s; it was %s." % (dest, wanted, files.digest(path, algorithm)), **result)
        result["msg"] = "OK (%d bytes)" % os.path.getsize(path)
        if new != old:
            def put():
                # type: () -> Any
                with open(path, "rb") as stream:
                    return files.write(m, dest, stream, args.mode, args.owner, args.group, args.unsafe_writes, args.backup and old is not None)
            done = yield Change("content", old, new, put, dest)
            result.update(done or {})
    finally:
        os.unlink(path)
    yield from files.attributes(m, dest, True, None, args.mode, args.owner, args.group, args.attributes)
    return dict(files.described(dest), **result)


def expected(m):
    # type: (Module) -> Any
    """(algorithm, digest in lower case), the digest None when none is asked for."""
    text = m.args.checksum.strip()
    if not text:
        return "sha1", None
    algorithm, colon, rest = text.partition(":")
    if not colon or algorithm.lower() not in hashlib.algorithms_available:
        m.fail("The checksum parameter has to be in format <algorithm>:<checksum>")
    if re.match(r"(https?|ftp|file)://", rest):
        name = m.args.url.split("?")[0].rsplit("/", 1)[-1]
        listing = fetch(m, rest).decode("utf-8", "replace")
        for line in listing.splitlines():
            words = line.split()
            if len(words) == 1 and re.match(r"^[0-9a-fA-F]+$", words[0]):
                return algorithm.lower(), words[0].lower()
            if len(words) > 1 and words[-1].lstrip("*./").endswith(name):
                return algorithm.lower(), words[0].lower()
        m.fail("Unable to find a checksum for file '%s' in '%s'" % (name, rest))
    return algorithm.lower(), re.sub(r"\W+", "", rest).lower()


def opened(m, url):
    # type: (Module, str) -> Any
    try:
        return _http.open_url(m, url)
    except urllib.error.HTTPError as error:
        m.fail("Request failed", status_code=error.code, response="HTTP Error %d: %s" % (error.code, error.reason), url=url, dest=m.args.dest)
    except (OSError, ValueError) as error:
        m.fail("Request failed: %s" % error, status_code=-1, url=url, dest=m.args.dest)


def fetch(m, url):
    # type: (Module, str) -> bytes
    with opened(m, url) as answer:
        return bytes(answer.read(16 << 20))


def download(m, folder):
    # type: (Module, str) -> Any
    fd, path = tempfile.mkstemp(prefix=".fleet-", dir=m.args.tmp_dest or (folder if not m.check else None))
    try:
        with os.fdopen(fd, "wb") as out, opened(m, m.args.url) as answer:
            for chunk in iter(lambda: answer.read(262144), b""):
                out.write(chunk)
            status = getattr(answer, "status", None)  # type: Optional[int]
            return path, {"status_code": status or 200, "url": answer.geturl()}
    except BaseException:
        os.unlink(path)
        raise

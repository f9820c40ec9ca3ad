"""Files for images from the network: kept by where they come from, resumed where they broke off, used only when they are what they should be."""
import base64
import hashlib
import os
import re
import time
import urllib.error
import urllib.request
from typing import Any, Dict, Optional, Tuple

from fleet.modules import _image_store as store_
from fleet.runner import files
from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_fetch", "Fetch a file for an image", {
    "store": Opt("path", "The store.", default=store_.DEFAULT),
    "url": Opt("str", "Where it is.", required=True),
    "checksum": Opt("str", "ALGORITHM:DIGEST, or ALGORITHM:URL of a file of checksums.", default=""),
    "signature": Opt("str", "URL of a detached signature: of the file of checksums where there is one, else of the file.", default=""),
    "keyring": Opt("str", "The keys that may have signed: a key file's content, in base64.", default=""),
    "unverified": Opt("bool", "Take it without a checksum or a signature.", default=False),
    "refresh": Opt("bool", "Look whether there is a newer one.", default=False),
    "timeout": Opt("float", "Seconds without a byte after which a transfer counts as broken.", default=30.0),
})
TRIES, PAUSE = 6, 0.2  # and the seconds before the second try; each further pause is twice as long
SMALL = 16 << 20  # of a signature or a file of checksums


def run(m):
    # type: (Module) -> Any
    args = m.args
    if not (args.checksum or args.signature or args.unverified):
        m.fail("nothing says what %s must be: give a checksum or a signature, or `unverified: true`" % args.url)
    if args.signature and not args.keyring:
        m.fail("a signature needs the keyring that it is checked with")
    store = store_.Store(args.store)
    place = os.path.join(store.path, "downloads", store_.key("url", args.url, args.checksum, args.signature, args.keyring))
    known = store_.read_json(place + ".json")
    if known.get("path") and os.path.exists(known["path"]) and not args.refresh:
        os.utime(known["path"])
        return {"path": known["path"], "sha256": known["sha256"]}
    done = yield Change("download", known.get("sha256"), args.url, lambda: fetched(m, store, place))
    return done or {"path": place, "sha256": known.get("sha256")}


def fetched(m, store, place):
    # type: (Module, store_.Store, str) -> Dict[str, Any]
    store.make()
    algorithm, wanted = expected(m)
    for clean in (False, True):
        download(m, m.args.url, place + ".part", clean)
        digest = files.digest(place + ".part", algorithm)
        if wanted is None or digest == wanted:
            break
        os.unlink(place + ".part")  # a resumed file may be of two versions; a fresh one says which is wrong
    else:
        m.fail("%s is not what it should be: its %s is %s, not %s" % (m.args.url, algorithm, digest, wanted))
    if m.args.signature and not listed(m):
        signed(m, place + ".part", small(m, m.args.signature))
    sha256 = files.digest(place + ".part", "sha256")
    os.rename(place + ".part", place)
    store_.write_json(place + ".json", {"path": place, "sha256": sha256, "url": m.args.url})
    return {"path": place, "sha256": sha256}


def listed(m):
    # type: (Module) -> bool
    """Whether the checksum is in a file of checksums."""
    return bool(re.match(r"\w+:(https?|ftp|file)://", m.args.checksum))


def expected(m):
    # type: (Module) -> Tuple[str, Optional[str]]
    """The algorithm and the digest that is wanted, None where only a signature or nothing says so."""
    if not m.args.checksum:
        return "sha256", None
    algorithm, colon, rest = m.args.checksum.partition(":")
    if not colon or algorithm not in hashlib.algorithms_available or algorithm in ("md5", "sha1"):
        m.fail("a checksum is sha256:DIGEST, sha512:DIGEST or sha256:URL of a file of checksums; not '%s'" % m.args.checksum)
    if not listed(m):
        return algorithm, rest.strip().lower()
    listing = small(m, rest)
    if m.args.signature:
        path = os.path.join(m.args.store, "downloads", "%s.sums" % store_.owner())
        try:
            with open(path, "wb") as stream:
                stream.write(listing)
            signed(m, path, small(m, m.args.signature))
        finally:
            os.unlink(path)
    name = m.args.url.split("?")[0].rsplit("/", 1)[-1]
    for line in listing.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) == 2 and words[1].lstrip("*").rsplit("/", 1)[-1] == name:
            return algorithm, words[0].lower()
        if len(words) == 4 and words[1] == "(%s)" % name:  # BSD's form
            return algorithm, words[3].lower()
    m.fail("there is no checksum of %s in %s" % (name, rest))
    return algorithm, None


def signed(m, path, signature):
    # type: (Module, str, bytes) -> None
    """ModuleError unless one of the keyring's keys has signed the file."""
    base = os.path.join(m.args.store, "downloads", store_.owner())
    try:
        for suffix, data in ((".sig", signature), (".keys", dearmored(base64.b64decode(m.args.keyring)))):
            with open(base + suffix, "wb") as stream:
                stream.write(data)
        done = m.run(["gpgv", "--keyring", base + ".keys", base + ".sig", path], env={"LC_ALL": "C"})
        if done.rc != 0:
            m.fail("the signature of %s is not one of the keyring's: %s" % (m.args.url, " ".join(done.stderr.split())[-300:]))
    finally:
        for suffix in (".sig", ".keys"):
            if os.path.exists(base + suffix):
                os.unlink(base + suffix)


def dearmored(data):
    # type: (bytes) -> bytes
    """A key file without the armour that gpgv does not take (RFC 4880, 6.2)."""
    match = re.search(br"-----BEGIN PGP[^\n]*\n(?:[A-Z][\w-]*:[^\n]*\n)*\s*\n?(.*?)(?:\n=[\w+/]{4})?\s*-----END PGP", data.replace(b"\r", b""), re.S)
    return base64.b64decode(match.group(1)) if match else data


def small(m, url):
    # type: (Module, str) -> bytes
    try:
        with urllib.request.urlopen(url, timeout=m.args.timeout) as answer:
            return bytes(answer.read(SMALL))
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        m.fail("cannot fetch %s: %s" % (url, error))
        return b""


def download(m, url, path, clean=False):
    # type: (Module, str, str, bool) -> None
    """A whole file, going on where an earlier try broke off when the server still has the same one."""
    if clean and os.path.exists(path):
        os.unlink(path)
    wrong = None  # type: Any
    for attempt in range(TRIES):
        before = os.path.getsize(path) if os.path.exists(path) else 0
        try:
            if transfer(m, url, path):
                return
            wrong = "it ended too early"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 416, 429):
                m.fail("cannot fetch %s: HTTP %d %s" % (url, error.code, error.reason))
            if error.code == 416 and os.path.exists(path):
                os.unlink(path)
            wrong = error
        except (OSError, ValueError, EOFError) as error:
            wrong = error
        except Exception as error:  # http.client has errors of its own for answers that break off
            wrong = error
        if not os.path.exists(path) or os.path.getsize(path) <= before:
            time.sleep(min(PAUSE * 2 ** attempt, 5))
    raise ModuleError("cannot fetch %s: %s; what has come is kept, and the next run goes on from there" % (url, wrong))


def transfer(m, url, path):
    # type: (Module, str, str) -> bool
    """One transfer; whether the file is whole then."""
    notes = store_.read_json(path + ".json")
    have = os.path.getsize(path) if os.path.exists(path) and notes.get("mark") else 0
    request = urllib.request.Request(url, headers={"User-Agent": "fleet", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", "bytes=%d-" % have)
        request.add_header("If-Range", notes["mark"])
    with urllib.request.urlopen(request, timeout=m.args.timeout) as answer:
        length = answer.headers.get("Content-Length")
        resumed = getattr(answer, "status", 200) == 206
        total = int(length) + (have if resumed else 0) if length else None
        mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        store_.write_json(path + ".json", {"mark": "" if mark.startswith("W/") else mark})
        with open(path, "ab" if resumed else "wb") as out:
            for chunk in iter(lambda: answer.read(1 << 18), b""):
                out.write(chunk)
    if total is not None and os.path.getsize(path) != total:
        return False
    os.unlink(path + ".json")
    return True

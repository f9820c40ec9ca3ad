"""OCI image layouts (https://github.com/opencontainers/image-spec): read as a base, written as an output; and tar archives.

What is read may be hostile: every digest is checked, names are bounded by a change of root, and device nodes are left out.
"""
import gzip
import hashlib
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from typing import IO, Any, Dict, List, Optional

from fleet.modules import _image_store as store_
from fleet.runner.module import Module, ModuleError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFESTS = (MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
MAX_JSON = 8 << 20
MAX_BYTES = 64 << 30  # of what an archive unpacks to
DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]{64,128})\Z")


# -- reading


def unpack(layout, root, ref=None):
    # type: (str, str, Optional[str]) -> None
    """Unpack an image's layers, one upon the other, into an empty directory."""
    manifest = _manifest(layout, ref)
    streams = []
    for each in manifest.get("layers") or ():
        streams.append((_checked(layout, each), str(each.get("mediaType", ""))))
    _into(root, [(stream, kind) for stream, kind in streams])


def unpack_tar(path, root, strip=0):
    # type: (str, str, int) -> None
    _into(root, [(open(path, "rb"), "")], strip, False)


def manifest_digest(layout, ref=None):
    # type: (str, Optional[str]) -> str
    return str(_chosen(layout, ref)["digest"])


def _manifest(layout, ref):
    # type: (str, Optional[str]) -> Dict[str, Any]
    entry = _chosen(layout, ref)
    with _checked(layout, entry) as stream:
        found = json.loads(stream.read(MAX_JSON).decode("utf-8"))
    if not isinstance(found, dict):
        raise ModuleError("the manifest of the OCI image in %s makes no sense" % layout)
    return found


def _chosen(layout, ref):
    # type: (str, Optional[str]) -> Dict[str, Any]
    """The entry of index.json that is meant: the one of that name, for this machine's architecture; indexes may be nested."""
    index = store_.read_json(os.path.join(layout, "index.json"))
    entries = [each for each in index.get("manifests") or () if isinstance(each, dict)]
    for _ in range(4):
        if ref:
            named = [each for each in entries if (each.get("annotations") or {}).get("org.opencontainers.image.ref.name") == ref]
            entries = named or entries if len(entries) == 1 else named
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        fitting = [each for each in entries if (each.get("platform") or {}).get("architecture", machine) == machine]
        if len(fitting) != 1:
            raise ModuleError("there are %d images%s in the OCI layout %s%s" % (
                len(fitting), " '%s'" % ref if ref else "", layout, "; say which one with `ref`" if fitting else ""))
        if fitting[0].get("mediaType") != INDEX:
            return fitting[0]
        with _checked(layout, fitting[0]) as stream:
            entries = json.loads(stream.read(MAX_JSON).decode("utf-8")).get("manifests") or []
        ref = None
    raise ModuleError("the indexes of the OCI layout %s are nested too deeply" % layout)


def _checked(layout, entry):
    # type: (str, Dict[str, Any]) -> IO[bytes]
    """A blob, opened after its digest was found right."""
    match = DIGEST.match(str(entry.get("digest")))
    if not match:
        raise ModuleError("'%s' is no digest (in the OCI layout %s)" % (entry.get("digest"), layout))
    path = os.path.join(layout, "blobs", match.group(1), match.group(2))
    try:
        stream = open(path, "rb")
    except OSError as error:
        raise ModuleError("the OCI layout lacks a blob: %s: %s" % (path, error.strerror))
    state = hashlib.new(match.group(1))
    for chunk in iter(lambda: stream.read(1 << 20), b""):
        state.update(chunk)
    if state.hexdigest() != match.group(2):
        raise ModuleError("the blob %s is damaged: its digest is %s" % (path, state.hexdigest()))
    stream.seek(0)
    return stream


def _into(root, streams, strip=0, whiteouts=True):
    # type: (str, List[Any], int, bool) -> None
    """Unpack archives in this process after a change of root: it must be one of `_image_ns.inside`, and there is no way back."""
    for module in ("bz2", "lzma", "gzip"):  # loaded now, by name; nothing can be once the root is another
        importlib.import_module(module)
    readers = []  # type: List[Any]
    for stream, _ in streams:
        start = stream.read(6)
        stream.seek(0)
        if start.startswith(b"\x28\xb5\x2f\xfd"):
            process = subprocess.Popen(["zstd", "-dcq"], stdin=stream, stdout=subprocess.PIPE)
            readers.append((process.stdout, "r|"))
        else:
            readers.append((stream, "r|*"))
    os.chroot(root)
    os.chdir("/")
    os.umask(0)
    total = 0
    for reader, mode in readers:
        try:
            with tarfile.open(fileobj=reader, mode=mode, bufsize=1 << 20, errors="surrogateescape") as archive:
                total = _extract(archive, strip, total, whiteouts)
        except (tarfile.TarError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise ModuleError("the archive is damaged: %s" % error)


def _extract(archive, strip, total, whiteouts):
    # type: (tarfile.TarFile, int, int, bool) -> int
    folders = []
    for member in archive:
        parts = [part for part in member.name.split("/") if part not in ("", ".")][strip:]
        if ".." in parts:
            raise ModuleError("the archive has a name that leads out of it: %s" % member.name)
        base = parts[-1] if parts else ""
        place = "/" + "/".join(parts)
        if whiteouts and base.startswith(".wh."):
            _whiteout(os.path.dirname(place), base)
            continue
        if member.isdev() and not member.isfifo():
            continue
        total += member.size
        if total > MAX_BYTES:
            raise ModuleError("the archive unpacks to more than %d GiB" % (MAX_BYTES >> 30))
        _put(archive, member, place, strip)
        if member.isdir():
            folders.append((place, member.mtime))
    for place, mtime in reversed(folders):
        if os.path.isdir(place) and not os.path.islink(place):
            os.utime(place, (mtime, mtime))
    return total


def _put(archive, member, place, strip):
    # type: (tarfile.TarFile, tarfile.TarInfo, str, int) -> None
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
    except OSError:
        raise ModuleError("the archive has a name that leads through what is no directory: %s" % member.name)
    if os.path.lexists(place) and not (member.isdir() and os.path.isdir(place) and not os.path.islink(place)):
        _away(place)
    if member.isdir():
        if not os.path.isdir(place):
            os.mkdir(place)
    elif member.issym():
        os.symlink(member.linkname, place)
    elif member.islnk():
        parts = [part for part in member.linkname.split("/") if part not in ("", ".")][strip:]
        os.link("/" + "/".join(parts), place, follow_symlinks=False)
        return
    elif member.isfifo():
        os.mkfifo(place)
    else:
        source = archive.extractfile(member)
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as target:
            for chunk in iter(lambda: source.read(1 << 20) if source else b"", b""):
                if chunk.count(0) == len(chunk):
                    target.seek(len(chunk), os.SEEK_CUR)  # a hole stays one
                else:
                    target.write(chunk)
            target.truncate(member.size)
    os.lchown(place, member.uid, member.gid)
    if not member.issym():
        os.chmod(place, member.mode & 0o7777)
    for name, value in member.pax_headers.items():
        if name == "SCHILY.xattr.security.capability":
            os.setxattr(place, "security.capability", value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
    os.utime(place, (member.mtime, member.mtime), follow_symlinks=False)


def _whiteout(folder, name):
    # type: (str, str) -> None
    """What a layer takes away of those below: one name, or all of a directory."""
    if name == ".wh..wh..opq":
        for other in os.listdir(folder) if os.path.isdir(folder) else ():
            _away(os.path.join(folder, other))
    else:
        path = os.path.join(folder, name[4:])
        if os.path.lexists(path):
            _away(path)


def _away(path):
    # type: (str) -> None
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


# -- writing


def write(m, tar, layout, name, epoch, config):
    # type: (Module, str, str, str, int, Dict[str, Any]) -> Dict[str, str]
    """A layout of one layer from an uncompressed tar, the same bytes for the same input. Returns its manifest's digest."""
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs)
    packed = os.path.join(layout, "layer")
    diff = _pack(tar, packed)
    layer = _rename(packed, blobs)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    import time
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    known = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    known.update(config)
    described = _blob(blobs, {"architecture": machine, "os": "linux", "created": moment, "config": known, "rootfs": {"type": "layers", "diff_ids": [diff]},
                              "history": [{"created": moment, "created_by": "fleet image build"}]})
    manifest = _blob(blobs, {"schemaVersion": 2, "mediaType": MANIFEST, "config": dict(described, mediaType=CONFIG), "layers": [dict(layer, mediaType=LAYER)]})
    entry = dict(manifest, mediaType=MANIFEST, platform={"architecture": machine, "os": "linux"},
                 annotations={"org.opencontainers.image.ref.name": name})
    store_.write_json(os.path.join(layout, "index.json"), {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    store_.write_json(os.path.join(layout, "oci-layout"), {"imageLayoutVersion": "1.0.0"})
    return {"digest": str(manifest["digest"])}


def _pack(tar, target):
    # type: (str, str) -> str
    """Compress without a time in it; the digest of what was compressed."""
    state = hashlib.sha256()
    with open(tar, "rb") as source, open(target, "wb") as out, gzip.GzipFile("", "wb", 3, out, mtime=0) as packed:
        for chunk in iter(lambda: source.read(1 << 20), b""):
            state.update(chunk)
            packed.write(chunk)
    return "sha256:" + state.hexdigest()


def _rename(path, blobs):
    # type: (str, str) -> Dict[str, Any]
    from fleet.runner import files
    digest = files.digest(path, "sha256") or ""
    size = os.path.getsize(path)
    os.rename(path, os.path.join(blobs, digest))
    return {"digest": "sha256:" + digest, "size": size}


def _blob(blobs, data):
    # type: (str, Dict[str, Any]) -> Dict[str, Any]
    raw = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(raw).hexdigest()
    with io.open(os.path.join(blobs, digest), "wb") as stream:
        stream.write(raw)
    return {"digest": "sha256:" + digest, "size": len(raw)}

"""Files on a target: atomic replacement, attributes, digests. A file is replaced whole or not at all."""
import errno
import grp
import hashlib
import os
import pwd
import stat
from typing import IO, Any, Callable, Dict, Generator, Iterable, List, Optional, Union

from fleet.runner.modes import default_mode, gid_of, name_of, parse_mode, uid_of
from fleet.runner.module import Change, Module, ModuleError

CHUNK = 1024 * 1024
SHOWN = 100 * 1024  # a diff shows no more than this of a file


def regular(path):
    # type: (str) -> IO[bytes]
    """A regular file, open for reading. Raises OSError (EINVAL for a pipe, socket or device, which nobody waits for)."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.fdopen(fd, "rb")
    os.close(fd)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "it is no regular file", path)


def digest(path, algorithm="sha1"):
    # type: (str, str) -> Optional[str]
    """Hex digest of a file's content; None when there is no regular file."""
    try:
        stream = regular(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL, errno.EISDIR, errno.ENXIO):
            return None
        raise
    with stream:
        return digest_stream(stream, algorithm)


def digest_stream(stream, algorithm="sha1"):
    # type: (IO[bytes], str) -> str
    """Hex digest of what is left of a binary stream."""
    try:
        state = hashlib.new(algorithm)
    except ValueError:
        raise ModuleError("the digest %r is not available here" % algorithm)
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        state.update(chunk)
    return state.hexdigest()


def read_text(path):
    # type: (str) -> str
    """A file's content as text that round-trips any bytes (surrogateescape)."""
    with regular(path) as stream:
        return stream.read().decode("utf-8", "surrogateescape")


def shown(data):
    # type: (Union[bytes, str, None]) -> str
    """A file's content as a diff shows it: text, or a word about why not."""
    if data is None:
        return ""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if len(raw) > SHOWN:
        return "(%d bytes, too large to show)\n" % len(raw)
    if b"\0" in raw:
        return "(binary, %d bytes)\n" % len(raw)
    return raw.decode("utf-8", "replace")


def attributes(m, path, follow=True, state=None, mode=None, owner=None, group=None, attrs=None):
    # type: (Module, str, bool, Optional[os.stat_result], Any, Any, Any, Optional[str]) -> Generator[Change, Any, None]
    """Yield the changes that bring an existing path's owner, group, mode and chattr flags to what is asked (None = leave).

    state: the path's stat when the caller has it. Under check a path that does not exist yet yields nothing.
    """
    try:
        now = state or (os.stat(path) if follow else os.lstat(path))
    except FileNotFoundError:
        if m.check:
            _looked_up(m, uid_of, owner), _looked_up(m, gid_of, group)
            return
        raise
    link = stat.S_ISLNK(now.st_mode)
    uid = -1 if owner is None else _looked_up(m, uid_of, owner)
    gid = -1 if group is None else _looked_up(m, gid_of, group)
    chown = os.chown if follow else os.lchown
    if uid not in (-1, now.st_uid):
        yield Change("owner", now.st_uid, uid, lambda: chown(path, uid, -1), path)
    if gid not in (-1, now.st_gid):
        yield Change("group", now.st_gid, gid, lambda: chown(path, -1, gid), path)
    if mode is not None and not link:
        before = stat.S_IMODE(now.st_mode)
        wanted = parse_mode(mode, now.st_mode, stat.S_ISDIR(now.st_mode))
        if before != wanted:
            yield Change("mode", "%04o" % before, "%04o" % wanted, lambda: os.chmod(path, wanted), path)
    if attrs:
        for change in _chattr(m, path, attrs):
            yield change


def _looked_up(m, lookup, name):
    # type: (Module, Callable[[Any], int], Any) -> Any
    """The number of a user or group. Under check an earlier task may be about to create it: a warning then, and the name itself."""
    if name is None:
        return None
    try:
        number = lookup(name)
        if m.check and str(name).isdigit():
            kind = "user with uid" if lookup is uid_of else "group with gid"
            if name_of(number, pwd.getpwuid if lookup is uid_of else grp.getgrgid) == str(name):
                m.warn("failed to look up %s %s; an earlier task may be about to create it" % (kind, name))
        return number
    except ModuleError as error:
        if not m.check:
            raise
        m.warn(error.msg)
        return name


def _chattr(m, path, wanted):
    # type: (Module, str, str) -> Generator[Change, Any, None]
    out = m.run(["lsattr", "-d", path])
    have = set(out.stdout.split()[0].replace("-", "")) if out.rc == 0 and out.stdout.split() else set()
    operator = wanted[0] if wanted[:1] in ("+", "-", "=") else "="
    letters = set(wanted.lstrip("+-="))
    if operator == "=" and "e" not in letters:
        have.discard("e")  # extents are the filesystem's own affair: chattr cannot take them away
    differs = {"+": not letters <= have, "-": bool(letters & have), "=": letters != have}[operator]
    if differs:
        yield Change("attributes", "".join(sorted(have)), wanted,
                     lambda: m.run(["chattr", operator + "".join(sorted(letters)), path], ok=[0]), path)


def write(m, path, content, mode=None, owner=None, group=None, unsafe=False, backup=False, validate=None, flush=True):
    # type: (Module, str, Union[bytes, str, IO[bytes]], Any, Any, Any, bool, bool, Optional[str], bool) -> Dict[str, Any]
    """Replace a file's content atomically: write beside it, fsync, set owner, group, mode and SELinux context, rename, fsync the directory.

    mode etc. None: kept from the file there is, else the umask's. validate: a command with %s, run on the temporary file, must end with 0.
    flush=False: for a new file, which the caller flushes himself.
    Returns {"backup_file": path} when backup was asked for and there was a file. Raises ModuleError; the old file is then as it was.
    Call it from a Change's `apply` only. A symlink is not followed: resolve it first where it should be (os.path.realpath).
    """
    result = {}  # type: Dict[str, Any]
    folder = os.path.dirname(path) or "."
    try:
        old = os.lstat(path)  # type: Optional[os.stat_result]
    except FileNotFoundError:
        old = None
    try:
        adopted = _adopted(content, folder)
        fd, temporary = adopted or new_file(folder)
    except OSError as error:
        if unsafe and old is not None:
            return _in_place(m, path, content, validate, backup)
        raise ModuleError("cannot write in %s: %s (filesystem of %s)" % (folder, error.strerror, mount_point(folder)), errno=error.errno)
    try:
        with os.fdopen(fd, "wb") as stream:
            if adopted is None:
                for chunk in _chunks(content):
                    stream.write(chunk)
                stream.flush()
            os.fchown(stream.fileno(), *_ownership(old, owner, group))
            os.fchmod(stream.fileno(), _mode(old, mode))
            _copy_context(path if old else folder, temporary, bool(old))
            if flush:
                os.fsync(stream.fileno())
        if validate:
            check_valid(m, validate, temporary)
        if backup and old is not None:
            result["backup_file"] = save_backup(path)
        try:
            os.rename(temporary, path)
        except OSError as error:
            if error.errno in (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.ETXTBSY) and unsafe:
                with open(temporary, "rb") as again:
                    return dict(result, **_in_place(m, path, again, None, False))
            if error.errno in (errno.EBUSY, errno.EXDEV):
                raise ModuleError("%s cannot be replaced atomically (%s): it may be a mount point; `unsafe_writes: true` writes in place"
                                  % (path, error.strerror))
            raise
        if flush:
            sync_folder(folder)
    except OSError as error:
        raise ModuleError("cannot write %s: %s (filesystem of %s)" % (path, error.strerror, mount_point(folder)), errno=error.errno)
    finally:
        try:
            os.unlink(temporary)
        except OSError:
            pass
    return result


class Batch:
    """Many small files replaced, each atomically: all are written beside their places, then what was written is flushed, then all are renamed."""

    def __init__(self):
        # type: () -> None
        self.made = []  # type: List[Any]

    def add(self, m, path, size, mode, owner, group):
        # type: (Module, str, int, Any, Any, Any) -> None
        """The next `size` bytes of the content sent along are a file's."""
        data = m.blob.read(size) if m.blob is not None else b""
        if len(data) != size:
            raise ModuleError("the content of %s did not arrive whole" % path)
        folder = os.path.dirname(path)
        try:
            old = os.lstat(path)  # type: Optional[os.stat_result]
        except FileNotFoundError:
            old = None
        try:
            fd, temporary = new_file(folder)
            self.made.append((temporary, path))
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view):]
                if owner is not None or group is not None or old is not None:
                    os.fchown(fd, *_ownership(old, owner, group))
                os.fchmod(fd, _mode(old, mode))
                _copy_context(path if old else folder, temporary, bool(old))
            finally:
                os.close(fd)
        except OSError as error:
            raise ModuleError("cannot write %s: %s (filesystem of %s)" % (path, error.strerror, mount_point(folder)), errno=error.errno)

    def commit(self):
        # type: () -> None
        """Put the files in their places."""
        if not self.made:
            return
        sync_all([temporary for temporary, _ in self.made])
        folders = set()
        while self.made:
            temporary, path = self.made[-1]
            os.rename(temporary, path)
            self.made.pop()
            folders.add(os.path.dirname(path))
        for folder in folders:
            sync_folder(folder)

    def drop(self):
        # type: () -> None
        """Take away what was not put in place."""
        for temporary, _ in self.made:
            try:
                os.unlink(temporary)
            except OSError:
                pass
        self.made = []


def new_file(folder):
    # type: (str) -> Any
    """(descriptor, path) of a new file in a directory, for its owner only, with a name nobody can guess. (tempfile takes longer to load than to do so.)"""
    while True:
        path = _new_name(folder)
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), path
        except FileExistsError:
            continue


def _adopted(content, folder):
    # type: (Any, str) -> Any
    """As new_file, with content that is on this filesystem already and needs only a name; None for any other."""
    name_it = getattr(content, "name_it", None)
    if name_it is None:
        return None
    path = _new_name(folder)
    fd = name_it(path)
    return (fd, path) if fd is not None else None


def _new_name(folder):
    # type: (str) -> str
    return os.path.join(folder, ".fleet-%s.tmp" % os.urandom(8).hex())


def check_valid(m, command, path):
    # type: (Module, str, str) -> None
    """Run a `validate` command on a file; ModuleError when it does not end with 0."""
    import shlex
    if "%s" not in command:
        raise ModuleError("validate must contain %%s: %s" % command)
    out = m.run([word.replace("%s", path) for word in shlex.split(command)])
    if out.rc != 0:
        raise ModuleError("failed to validate: rc:%s error:%s" % (out.rc, out.stderr.strip() or out.stdout.strip()), rc=out.rc,
                          stdout=out.stdout, stderr=out.stderr)


def save_backup(path):
    # type: (str) -> str
    """Copy a file beside itself as NAME.PID.DATE~ with its attributes; returns the copy's path."""
    import time
    copy = "%s.%d.%s~" % (path, os.getpid(), time.strftime("%Y-%m-%d@%H:%M:%S"))
    import shutil
    shutil.copy2(path, copy)
    now = os.stat(path)
    try:
        os.chown(copy, now.st_uid, now.st_gid)
    except OSError:
        pass
    return copy


def _in_place(m, path, content, validate, backup):
    # type: (Module, str, Union[bytes, str, IO[bytes]], Optional[str], bool) -> Dict[str, Any]
    result = {"backup_file": save_backup(path)} if backup else {}
    with open(path, "r+b") as stream:
        for chunk in _chunks(content):
            stream.write(chunk)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())
    if validate:
        check_valid(m, validate, path)
    return result


def _chunks(content):
    # type: (Union[bytes, str, IO[bytes]]) -> Iterable[bytes]
    if isinstance(content, str):
        return [content.encode("utf-8", "surrogateescape")]
    if isinstance(content, (bytes, bytearray)):
        return [bytes(content)]
    stream = content
    return iter(lambda: stream.read(CHUNK), b"")


def _ownership(old, owner, group):
    # type: (Optional[os.stat_result], Any, Any) -> Any
    uid = uid_of(owner) if owner is not None else (old.st_uid if old is not None and os.geteuid() == 0 else -1)
    gid = gid_of(group) if group is not None else (old.st_gid if old is not None and os.geteuid() == 0 else -1)
    return uid, gid


def _mode(old, mode):
    # type: (Optional[os.stat_result], Any) -> int
    current = stat.S_IMODE(old.st_mode) if old is not None and not stat.S_ISLNK(old.st_mode) else default_mode()
    return parse_mode(mode, current, False) if mode is not None else current


def _copy_context(source, target, same_kind):
    # type: (str, str, bool) -> None
    """Give the new file the SELinux context of the one it replaces, where there is SELinux."""
    if not same_kind or not os.path.isdir("/sys/fs/selinux"):
        return
    try:
        os.setxattr(target, "security.selinux", os.getxattr(source, "security.selinux"))
    except OSError:
        pass


def sync_all(paths):
    # type: (List[str]) -> None
    """fsync many files, side by side: filesystems join what is flushed at the same time. Raises the OSError of one that could not be."""
    import threading
    left = list(paths)
    errors = []  # type: List[OSError]

    def work():
        # type: () -> None
        while not errors:
            try:
                path = left.pop()
            except IndexError:
                return
            try:
                fd = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(min(16, len(paths)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def sync_folder(folder):
    # type: (str) -> None
    """fsync a directory, so that a rename in it survives a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError:
        pass
    finally:
        os.close(fd)


def mount_point(path):
    # type: (str) -> str
    """The mount point that holds a path."""
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def real(path, follow):
    # type: (str, bool) -> str
    """The path itself, or what it points to."""
    return os.path.realpath(path) if follow else path


def described(path, follow=False):
    # type: (str, bool) -> Dict[str, Any]
    """uid, gid, owner, group, mode, state and size of a path, as file modules return them; {"state": "absent"} when there is nothing."""
    try:
        now = os.stat(path) if follow else os.lstat(path)
    except OSError:
        return {"state": "absent"}
    kind = now.st_mode
    if stat.S_ISLNK(kind):
        state = "link"
    elif stat.S_ISDIR(kind):
        state = "directory"
    else:
        state = "hard" if now.st_nlink > 1 else "file"
    return {"uid": now.st_uid, "gid": now.st_gid, "owner": name_of(now.st_uid, pwd.getpwuid), "group": name_of(now.st_gid, grp.getgrgid),
            "mode": "0%03o" % stat.S_IMODE(kind), "state": state, "size": now.st_size}

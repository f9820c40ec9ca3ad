"""Large content on its way to a file: on the disk, without a name, its digest made as it comes. It becomes the file without being copied where it can."""
import hashlib
import os
from typing import Any

AHEAD = 16 * 1024 * 1024
PLACE = "/var/tmp"  # not /tmp, which may be memory


class Spool:
    """A binary file with what was written to it; `sha1` is the digest of that. It is gone when closed, or when the process ends."""

    def __init__(self):
        # type: () -> None
        self.file = _nameless()
        self.state = hashlib.sha1()
        self.size = self.started = 0

    def write(self, data):
        # type: (bytes) -> None
        self.state.update(data)
        self.file.write(data)
        self.size += len(data)
        if self.size - self.started >= AHEAD:
            try:  # the disk begins now, so that little is left to wait for at the end
                os.posix_fadvise(self.file.fileno(), self.started, self.size - self.started, os.POSIX_FADV_DONTNEED)
            except OSError:
                pass
            self.started = self.size

    def sha1(self):
        # type: () -> str
        return self.state.hexdigest()

    def name_it(self, path):
        # type: (str) -> Any
        """Give it a name that does not exist yet. Its descriptor, or None where that cannot be (another filesystem, no /proc)."""
        self.file.flush()
        fd = self.file.fileno()
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.link("/proc/self/fd/%d" % fd, path, src_dir_fd=root, follow_symlinks=True)
            return os.dup(fd)
        except OSError:
            return None
        finally:
            os.close(root)

    def __getattr__(self, name):
        # type: (str) -> Any
        return getattr(self.file, name)


def _nameless():
    # type: () -> Any
    try:
        return os.fdopen(os.open(PLACE, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600), "w+b")
    except (OSError, AttributeError):
        import tempfile
        return tempfile.TemporaryFile(dir=PLACE if os.access(PLACE, os.W_OK | os.X_OK) else None)

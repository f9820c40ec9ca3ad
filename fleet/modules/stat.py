"""What is known of a path."""
import grp
import os
import pwd
import stat
from typing import Any, Dict, Optional

from fleet.runner import files
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "stat", "Look at a file or directory",
    {
        "path": Opt("path", "The path.", required=True, aliases=["dest", "name"]),
        "follow": Opt("bool", "Look at what a link points to.", default=False),
        "get_checksum": Opt("bool", "Compute a checksum of a file.", default=True),
        "checksum_algorithm": Opt("str", "Of which kind.", default="sha1", choices=["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
                                  aliases=["checksum", "checksum_algo"]),
        "get_mime": Opt("bool", "Ask file(1) what it holds.", default=True, aliases=["mime", "mime_type", "mime-type"]),
        "get_attributes": Opt("bool", "Ask lsattr(1) for its flags.", default=True, aliases=["attr", "attributes"]),
        "get_selinux_context": Opt("bool", "Its SELinux context.", default=False),
    },
    returns={"stat": Ret("dict", "exists; and if so mode, isdir, isreg, islnk, size, uid, gid, pw_name, gr_name, mtime, checksum and more.")},
    examples="- stat: {path: /etc/passwd}\n  register: it\n- assert: {that: it.stat.exists}\n",
)
_KINDS = (("isdir", stat.S_ISDIR), ("ischr", stat.S_ISCHR), ("isblk", stat.S_ISBLK), ("isreg", stat.S_ISREG), ("isfifo", stat.S_ISFIFO),
          ("islnk", stat.S_ISLNK), ("issock", stat.S_ISSOCK))
_BITS = (("wusr", stat.S_IWUSR), ("rusr", stat.S_IRUSR), ("xusr", stat.S_IXUSR), ("wgrp", stat.S_IWGRP), ("rgrp", stat.S_IRGRP), ("xgrp", stat.S_IXGRP),
         ("woth", stat.S_IWOTH), ("roth", stat.S_IROTH), ("xoth", stat.S_IXOTH), ("isuid", stat.S_ISUID), ("isgid", stat.S_ISGID))


def run(m):
    # type: (Module) -> Any
    args = m.args
    path = os.path.expanduser(args.path)
    try:
        now = os.stat(path) if args.follow else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"stat": {"exists": False}}
    found = described(path, now)
    if stat.S_ISLNK(now.st_mode):
        found["lnk_source"], found["lnk_target"] = os.path.realpath(path), os.readlink(path)
    if stat.S_ISREG(now.st_mode) and found["readable"] and args.get_checksum:
        found["checksum"] = files.digest(path, args.checksum_algorithm)
    if args.get_mime and stat.S_ISREG(now.st_mode):
        found.update(mime(m, path))
    if args.get_attributes:
        found.update(flags(m, path))
    if args.get_selinux_context:
        found["selinux_context"] = selinux(path)
    return {"stat": found}


def described(path, now):
    # type: (str, os.stat_result) -> Dict[str, Any]
    found = {
        "exists": True, "path": path, "mode": "%04o" % stat.S_IMODE(now.st_mode), "uid": now.st_uid, "gid": now.st_gid, "size": now.st_size,
        "inode": now.st_ino, "dev": now.st_dev, "nlink": now.st_nlink, "atime": now.st_atime, "mtime": now.st_mtime, "ctime": now.st_ctime,
        "blocks": now.st_blocks, "disk_usage_bytes": now.st_blocks * 512, "block_size": now.st_blksize, "device_type": now.st_rdev,
        "readable": os.access(path, os.R_OK), "writeable": os.access(path, os.W_OK), "executable": os.access(path, os.X_OK),
    }
    found.update((name, test(now.st_mode)) for name, test in _KINDS)
    found.update((name, bool(now.st_mode & bit)) for name, bit in _BITS)
    for key, lookup, number in (("pw_name", pwd.getpwuid, now.st_uid), ("gr_name", grp.getgrgid, now.st_gid)):
        try:
            found[key] = lookup(number)[0]
        except KeyError:
            pass
    return found


def which(name):
    # type: (str) -> Optional[str]
    for folder in os.environ.get("PATH", "/usr/bin:/bin").split(":"):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return None


def mime(m, path):
    # type: (Module, str) -> Dict[str, Any]
    program = which("file")
    done = m.run([program, "--mime-type", "--mime-encoding", "-b", "--", path]) if program else None
    if done is None or done.rc or "; charset=" not in done.stdout:
        return {"mimetype": "unknown", "charset": "unknown"}
    kind, _, charset = done.stdout.strip().partition("; charset=")
    return {"mimetype": kind, "charset": charset}


def selinux(path):
    # type: (str) -> Any
    """User, role, type and level; four None without SELinux."""
    try:
        return os.getxattr(path, "security.selinux").decode().rstrip("\0").split(":", 3)
    except OSError:
        return [None] * 4


_FLAGS = {"a": "append_only", "A": "noatime", "c": "compressed", "d": "nodump", "e": "extents", "i": "immutable", "j": "journalling", "s": "secure_delete",
          "S": "synchronous", "t": "notail", "T": "topdir", "u": "undeletable", "C": "nocow", "D": "synchronous_directory", "E": "encrypted",
          "I": "indexed", "N": "inlinedata", "P": "project_hierarchy"}


def flags(m, path):
    # type: (Module, str) -> Dict[str, Any]
    program = which("lsattr")
    if program is None:
        return {"version": None, "attr_flags": "", "attributes": []}
    for option, place in (("-vd", 1), ("-d", 0)):  # some filesystems have flags and no versions
        done = m.run([program, option, "--", path])
        words = done.stdout.split() if done.rc == 0 else []
        if len(words) > place:
            break
    letters = words[place].replace("-", "") if len(words) > place else ""
    version = words[0] if place and len(words) > place else None
    return {"version": version, "attr_flags": letters, "attributes": [_FLAGS[each] for each in letters if each in _FLAGS]}

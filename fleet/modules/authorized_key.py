"""SSH keys that may log in as a user."""
import base64
import binascii
import os
import pwd
import stat
import tempfile
from collections import namedtuple
from typing import Any, Dict, Generator, List, Optional

from fleet.modules._asuser import as_user
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "authorized_key", "Manage a user's authorized SSH keys",
    {
        "user": Opt("str", "The user.", required=True),
        "key": Opt("str", "The public key, or several, one a line; `options` before a key are kept.", required=True),
        "path": Opt("path", "The file, when it is not ~/.ssh/authorized_keys."),
        "manage_dir": Opt("bool", "Create the file's directory and see to its owner and mode.", default=True),
        "state": Opt("str", "Whether the keys are to be there.", default="present", choices=["absent", "present"]),
        "key_options": Opt("str", "Options of the key, as sshd(8) has them; they replace those written before the key."),
        "exclusive": Opt("bool", "Remove all other keys from the file.", default=False),
        "comment": Opt("str", "The key's comment, in place of its own."),
        "follow": Opt("bool", "Write to what the file points to when it is a symbolic link.", default=False),
    },
    returns={"keyfile": Ret("str", "The file."), "user": Ret("str", "The user.")},
    notes=["A file in a home directory is read and written as its user, so a link planted there gains nothing.",
           "With several keys and `exclusive`, give all keys in one task: a loop would remove one key with the next."],
    examples="""
- authorized_key:
    user: deploy
    key: "{{ lookup('file', 'keys/deploy.pub') }}"
    key_options: 'no-port-forwarding,from="10.0.1.1"'
""")

Key = namedtuple("Key", ["options", "kind", "blob", "comment"])
KINDS = ("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")
LIMIT = 1 << 20


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    account = _account(m)
    path = _path(m, account)
    wanted = _wanted(m)
    inside = account is not None and _own(account, path)

    def acting(function):
        # type: (Any) -> Any
        return as_user(account, function) if account is not None and inside else function()

    now = acting(lambda: _look(path, args.follow))
    lines = now["text"].splitlines()
    after = _after(args, lines, wanted)
    result = {"user": args.user, "keyfile": path, "key": args.key, "state": args.state, "exclusive": args.exclusive}
    if args.state == "present" and args.manage_dir and not inside and account is not None:
        yield from _folder(os.path.dirname(path), account)
    if after != lines:
        text = "".join(line + "\n" for line in after)
        owner = None if inside or account is None or os.geteuid() != 0 else account

        def apply():
            # type: () -> None
            acting(lambda: _write(m, path, text, now["mode"], owner))

        yield Change("keys of " + args.user, now["text"], text, apply, path)
    elif now["mode"] is not None and now["mode"] & 0o022:
        mode = now["mode"] & ~0o022
        yield Change("mode", "%04o" % now["mode"], "%04o" % mode, lambda: acting(lambda: _chmod(path, mode)), path)
    return result


def _account(m):
    # type: (Module) -> Optional[pwd.struct_passwd]
    try:
        return pwd.getpwnam(m.args.user)
    except KeyError:
        if m.check and m.args.path is not None:
            return None
        if m.check:
            m.warn("there is no user %s yet" % m.args.user)
            return None
        m.fail("Failed to lookup user %s: there is no such user" % m.args.user)
        return None


def _path(m, account):
    # type: (Module, Optional[pwd.struct_passwd]) -> str
    home = account.pw_dir if account is not None else "/home/" + m.args.user
    path = m.args.path or os.path.join(home, ".ssh", "authorized_keys")  # type: str
    return home + path[1:] if path.startswith("~/") else path


def _own(account, path):
    # type: (pwd.struct_passwd, str) -> bool
    """Whether the file lies in the user's home and the user owns that: then all is done as the user."""
    try:
        owner = os.stat(account.pw_dir).st_uid
    except OSError:
        return False
    return owner == account.pw_uid and os.path.normpath(path).startswith(account.pw_dir.rstrip("/") + "/")


def _wanted(m):
    # type: (Module) -> List[Key]
    text = m.args.key
    if text.startswith(("http://", "https://")):
        text = _download(m, text)
    found = []  # type: List[Key]
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        key = parse(line)
        if key is None:
            m.fail("invalid key specified: %s" % line.strip()[:80])
            continue
        if m.args.key_options is not None:
            key = key._replace(options=m.args.key_options)
        if m.args.comment is not None:
            key = key._replace(comment=m.args.comment)
        found.append(key)
    return found


def _download(m, url):
    # type: (Module, str) -> str
    from urllib.request import urlopen
    try:
        with urlopen(url, timeout=30) as stream:
            return str(stream.read(LIMIT).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        m.fail("Error getting key from: %s (%s)" % (url, error))
        return ""


def parse(line):
    # type: (str) -> Optional[Key]
    """One line of an authorized_keys file, or None when it holds no key."""
    words = _split(line.strip())
    for at in (0, 1):
        if len(words) > at + 1 and words[at].startswith(KINDS):
            try:
                base64.b64decode(words[at + 1], validate=True)
            except (binascii.Error, ValueError):
                return None
            return Key(words[0] if at else "", words[at], words[at + 1], " ".join(words[at + 2:]))
    return None


def _split(line):
    # type: (str) -> List[str]
    """Words by spaces, except those inside double quotes (options such as command="a b")."""
    words, word, quoted, previous = [], "", False, ""
    for char in line:
        if char == '"' and previous != "\\":
            quoted = not quoted
        if char in " \t" and not quoted:
            words.append(word)
            word = ""
        else:
            word += char
        previous = char
    return [one for one in words + [word] if one]


def text_of(key):
    # type: (Key) -> str
    return " ".join(part for part in key if part)


def _after(args, lines, wanted):
    # type: (Any, List[str], List[Key]) -> List[str]
    """The file's lines as they should be. A key is the same when its blob is; what it carries beside may differ."""
    blobs = {key.blob: key for key in wanted}
    result = []  # type: List[str]
    seen = set()
    for line in lines:
        key = parse(line)
        if key is None:
            result.append(line)  # a comment or an empty line is no key
        elif key.blob not in blobs:
            if not args.exclusive or args.state == "absent":
                result.append(line)
        elif args.state == "present" and key.blob not in seen:
            seen.add(key.blob)
            want = blobs[key.blob]
            same = key.options == want.options and (key.comment == want.comment or not want.comment)
            result.append(line if same else text_of(want))
    if args.state == "present":
        result += [text_of(key) for blob, key in blobs.items() if blob not in seen]
    return result


def _look(path, follow):
    # type: (str, bool) -> Dict[str, Any]
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except FileNotFoundError:
        return {"text": "", "mode": None}
    with os.fdopen(fd, "rb") as stream:
        now = os.fstat(stream.fileno())
        if not stat.S_ISREG(now.st_mode):
            raise OSError(22, "not a regular file", path)
        return {"text": stream.read(LIMIT).decode("utf-8", "surrogateescape"), "mode": stat.S_IMODE(now.st_mode)}


def _write(m, path, text, mode, owner):
    # type: (Module, str, str, Optional[int], Optional[pwd.struct_passwd]) -> None
    """Replace the file whole, as the one who calls. owner: who it is given to, when this is root's work."""
    if m.args.follow:
        path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if m.args.manage_dir and owner is None and not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
    fd, temporary = tempfile.mkstemp(prefix=".fleet-", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
            stream.flush()
            os.fchmod(stream.fileno(), 0o600 if mode is None else mode & ~0o022)
            if owner is not None:
                os.fchown(stream.fileno(), owner.pw_uid, owner.pw_gid)
            os.fsync(stream.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _chmod(path, mode):
    # type: (str, int) -> None
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _folder(folder, account):
    # type: (str, pwd.struct_passwd) -> Generator[Change, Any, None]
    """A directory outside of what the user controls is made by us and given to the user, as sshd wants it."""
    def apply():
        # type: () -> None
        os.mkdir(folder, 0o700)
        if os.geteuid() == 0:
            os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)

    if not os.path.lexists(folder):
        yield Change("directory", None, folder, apply, folder)
    elif os.path.islink(folder):
        raise OSError(40, "is a symbolic link; it is not followed as root", folder)

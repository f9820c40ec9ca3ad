"""The SSH key of a user."""
import os
import pwd
from typing import Any, Dict, Generator, List, Optional

from fleet.modules._asuser import as_user
from fleet.runner.module import Change, Module


def make_key(m, entry):
    # type: (Module, Optional[pwd.struct_passwd]) -> Generator[Change, Any, Dict[str, Any]]
    """Generate the key where there is none (or force), as the user itself; returns its path, public key and fingerprint."""
    args = m.args
    home = entry.pw_dir if entry is not None else args.home or "/home/" + args.name
    path = os.path.join(home, args.ssh_key_file or ".ssh/id_%s" % args.ssh_key_type)
    if entry is None:  # under check: the account would be new
        yield Change("ssh key of " + args.name, None, path)
        return {"ssh_key_file": path}
    account = entry
    if args.force or not as_user(account, lambda: os.path.lexists(path)):
        yield Change("ssh key of " + args.name, None, path, lambda: as_user(account, lambda: _generate(m, path)), path)
    return dict({"ssh_key_file": path}, **as_user(account, lambda: _public(m, path)))


def _generate(m, path):
    # type: (Module, str) -> None
    import socket
    args = m.args
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o700)
    for old in (path, path + ".pub"):
        if os.path.lexists(old):
            os.unlink(old)
    comment = args.ssh_key_comment or "ansible-generated on %s" % socket.gethostname()
    command = ["ssh-keygen", "-q", "-t", args.ssh_key_type, "-C", comment, "-f", path]
    if args.ssh_key_bits:
        command += ["-b", str(args.ssh_key_bits)]
    if not args.ssh_key_passphrase:
        m.run(command + ["-N", ""], ok=[0])
        return
    _with_passphrase(m, command)


def _with_passphrase(m, command):
    # type: (Module, List[str]) -> None
    """ssh-keygen asks a helper, so that the passphrase stands in no argument list and no file."""
    import tempfile
    fd, helper = tempfile.mkstemp(prefix="fleet-askpass-")
    try:
        with os.fdopen(fd, "w") as stream:
            stream.write('#!/bin/sh\nprintf "%s\\n" "$FLEET_PASSPHRASE"\n')
        os.chmod(helper, 0o700)
        m.run(command, ok=[0], env={"SSH_ASKPASS": helper, "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none",
                                    "FLEET_PASSPHRASE": m.args.ssh_key_passphrase})
    finally:
        os.unlink(helper)


def _public(m, path):
    # type: (Module, str) -> Dict[str, Any]
    try:
        with open(path + ".pub") as stream:
            key = stream.read(1 << 16).strip()
    except OSError:
        return {}
    done = m.run(["ssh-keygen", "-l", "-f", path + ".pub"])
    return {"ssh_public_key": key, "ssh_fingerprint": done.stdout.strip() if done.rc == 0 else None}

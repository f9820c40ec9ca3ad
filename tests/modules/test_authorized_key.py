from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from fleet.modules.authorized_key import parse
from tests.modules.sysroot import inside, ok, run, settles

ONE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl one@host"
TWO = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7Xq3pXWJ8m1F3hfr0sVbVpJb0sQ8mGmYg9m3N5k8dQ two"
FILE = Path("/home/anna/.ssh/authorized_keys")


@pytest.mark.parametrize("line,options,comment", [
    (ONE, "", "one@host"),
    ('command="echo \\"a b\\"",no-pty ' + ONE, 'command="echo \\"a b\\"",no-pty', "one@host"),
    (" ".join(ONE.split()[:2]), "", ""),
])
def test_lines(line: str, options: str, comment: str) -> None:
    key = parse(line)
    assert key is not None and (key.options, key.comment) == (options, comment)


@pytest.mark.parametrize("line", ["", "# comment", "ssh-rsa", "ssh-rsa not*base64", "words only"])
def test_no_keys(line: str) -> None:
    assert parse(line) is None


@inside
def test_life_of_keys() -> None:
    ok("user", name="anna")
    settles("authorized_key", user="anna", key=ONE)
    owner = pwd.getpwnam("anna").pw_uid
    for path, mode in ((FILE, 0o600), (FILE.parent, 0o700)):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (owner, mode)
    settles("authorized_key", user="anna", key=TWO + "\n\n# words\n")
    assert FILE.read_text().splitlines() == [ONE, TWO]
    settles("authorized_key", user="anna", key=TWO, key_options="no-pty", comment="hers")
    assert FILE.read_text().splitlines()[1] == "no-pty " + TWO[:-3] + "hers"
    settles("authorized_key", user="anna", key=ONE, exclusive=True)
    assert FILE.read_text() == ONE + "\n"
    settles("authorized_key", user="anna", key=ONE, state="absent")
    assert FILE.read_text() == ""
    FILE.chmod(0o666)
    ok("authorized_key", user="anna", key=ONE)
    assert FILE.stat().st_mode & 0o777 == 0o644


@inside
def test_elsewhere() -> None:
    ok("user", name="anna")
    settles("authorized_key", user="anna", key=ONE, path="/etc/keys/anna")
    assert Path("/etc/keys/anna").read_text() == ONE + "\n"


@inside
def test_a_link_in_the_home_gains_nothing() -> None:
    ok("user", name="anna")
    entry = pwd.getpwnam("anna")
    FILE.parent.mkdir()
    os.chown(FILE.parent, entry.pw_uid, entry.pw_gid)
    FILE.symlink_to("/etc/shadow")
    before = Path("/etc/shadow").read_bytes()
    assert run("authorized_key", user="anna", key=ONE)["failed"]
    assert run("authorized_key", user="anna", key=ONE, follow=True)["failed"]
    FILE.unlink()
    FILE.parent.rmdir()
    FILE.parent.symlink_to("/root")
    assert run("authorized_key", user="anna", key=ONE)["failed"]
    assert Path("/etc/shadow").read_bytes() == before and not Path("/root/authorized_keys").exists()


@inside
def test_what_is_refused() -> None:
    assert "Failed to lookup user nobody1" in run("authorized_key", user="nobody1", key=ONE)["msg"]
    assert "invalid key" in run("authorized_key", user="root", key="ssh-rsa")["msg"]

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from fleet.modules import _accounts
from tests.modules.sysroot import inside, ok, run, settles

HASH = "$6$saltsalt$9Ft9Yq9m5pQ1Jw2vZc3Hn4Xk5Lr6Tt7Uu8Vv9Ww0Xx1Yy2Zz3Aa4Bb5Cc6Dd7Ee8Ff9Gg0Hh1Ii2Jj3Kk4L1"


@inside
def test_account() -> None:
    done = settles("user", name="anna", comment="Anna A", shell="/bin/bash", uid=1500)
    assert (done["uid"], done["home"], done["shell"], done["comment"], done["create_home"]) == (1500, "/home/anna", "/bin/bash", "Anna A", True)
    assert Path("/home/anna/.profile").exists()
    assert done["diff"][0]["before"] is None
    changed = settles("user", name="anna", comment="Anna B", shell="/bin/sh", uid=1501)
    assert changed["uid"] == 1501 and {entry["what"].split()[0] for entry in changed["diff"]} == {"comment", "shell", "uid"}
    settles("user", name="anna", state="absent", remove=True)
    assert not Path("/home/anna").exists()


@inside
def test_groups() -> None:
    for name in ("red", "green", "blue"):
        ok("group", name=name)

    def members() -> set[str]:
        return {entry.gr_name for entry in grp.getgrall() if "bob" in entry.gr_mem}

    assert settles("user", name="bob", groups=["red"])["groups"] == "red"
    settles("user", name="bob", groups=["green"], append=True)
    assert members() == {"red", "green"}
    settles("user", name="bob", groups=["blue"])
    assert members() == {"blue"}
    settles("user", name="bob", groups=[])
    assert members() == set()
    settles("user", name="bob", group="red")
    assert pwd.getpwnam("bob").pw_gid == grp.getgrnam("red").gr_gid
    assert "Group grey does not exist" in run("user", name="bob", groups=["grey"])["msg"]


@inside
def test_group_of_the_same_name() -> None:
    ok("group", name="carl")
    settles("user", name="carl")


@inside
def test_password() -> None:
    done = settles("user", name="dora", password=HASH)
    assert HASH not in str(done) and done["password"] == "NOT_LOGGING_PASSWORD"
    assert _accounts.shadow("dora")[1] == HASH
    settles("user", name="dora", password_lock=True)
    assert _accounts.shadow("dora")[1] == "!" + HASH
    assert not ok("user", name="dora", password="$6$other$x", update_password="on_create")["changed"]
    settles("user", name="dora", password_lock=False)
    assert _accounts.shadow("dora")[1] == HASH
    assert "hashed" in ok("user", name="dora", password="plain")["warnings"][0]
    assert run("user", name="dora", password="a\nroot:b")["failed"]
    settles("user", name="erna", password=HASH, password_lock=True)
    assert _accounts.shadow("erna")[1] == "!" + HASH


@inside
def test_ages_and_expiry() -> None:
    ok("user", name="fred")
    settles("user", name="fred", expires=1893456000)
    assert _accounts.shadow("fred")[7] == "21915"
    settles("user", name="fred", expires=-1)
    assert _accounts.shadow("fred")[7] == ""
    settles("user", name="fred", password_expire_max=90, password_expire_min=1, password_expire_warn=14, password_expire_account_disable=5)
    assert _accounts.shadow("fred")[3:7] == ["1", "90", "14", "5"]


@inside
def test_homes() -> None:
    settles("user", name="gina", create_home=False)
    assert not Path("/home/gina").exists()
    settles("user", name="gina")
    assert Path("/home/gina").stat().st_uid == pwd.getpwnam("gina").pw_uid
    settles("user", name="gina", home="/srv/gina", move_home=True)
    assert Path("/srv/gina/.profile").exists() and not Path("/home/gina").exists()
    settles("user", name="hans", home="/deep/er/hans", umask="077")
    assert Path("/deep/er/hans").stat().st_mode & 0o777 == 0o700


@inside
def test_ssh_key() -> None:
    assert ok("user", name="ida", generate_ssh_key=True, check=True)["changed"]
    done = settles("user", name="ida", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_comment="hers")
    assert done["ssh_key_file"] == "/home/ida/.ssh/id_ed25519" and done["ssh_public_key"].endswith(" hers")
    assert "ED25519" in done["ssh_fingerprint"]
    key = Path(done["ssh_key_file"]).stat()
    assert (key.st_uid, key.st_mode & 0o777) == (pwd.getpwnam("ida").pw_uid, 0o600)
    locked = ok("user", name="ida", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_file=".ssh/other", ssh_key_passphrase="long enough")
    assert locked["changed"]
    assert os.waitstatus_to_exitcode(os.system("ssh-keygen -y -P wrong -f /home/ida/.ssh/other >/dev/null 2>&1")) != 0
    assert os.system("ssh-keygen -y -P 'long enough' -f /home/ida/.ssh/other >/dev/null") == 0


@inside
def test_ssh_key_is_not_written_through_a_planted_link() -> None:
    ok("user", name="mal")
    Path("/etc/victim").mkdir(mode=0o755)
    Path("/home/mal/.ssh").symlink_to("/etc/victim")
    assert run("user", name="mal", generate_ssh_key=True, ssh_key_type="ed25519")["failed"]
    assert list(Path("/etc/victim").iterdir()) == []


@inside
def test_names_that_are_refused() -> None:
    for name in ("-o", "a:b", "a b", ""):
        assert run("user", name=name)["failed"], name

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.modules.sysroot import inside, ok, run, settles


def crontab(user: str = "root") -> str:
    return subprocess.run(["crontab", "-u", user, "-l"], capture_output=True, text=True).stdout


@inside
def test_jobs_of_a_user() -> None:
    done = settles("cron", name="one", minute="5", hour="2", job="/bin/one")
    assert done["jobs"] == ["one"] and crontab() == "#Ansible: one\n5 2 * * * /bin/one\n"
    settles("cron", name="two", special_time="reboot", job="/bin/two")
    settles("cron", name="one", minute="6", job="/bin/one")
    settles("cron", name="two", special_time="reboot", job="/bin/two", disabled=True)
    assert crontab() == "#Ansible: one\n6 * * * * /bin/one\n#Ansible: two\n#@reboot /bin/two\n"
    assert settles("cron", name="one", state="absent")["jobs"] == ["two"]
    assert "no user anna yet" in str(run("cron", check=True, name="hers", job="true", user="anna")["warnings"])
    ok("user", name="anna")
    settles("cron", name="hers", job="true", user="anna")
    assert "hers" in crontab("anna") and "hers" not in crontab()
    backup = ok("cron", name="two", state="absent", backup=True)["backup_file"]
    assert "two" in Path(backup).read_text()


@inside
def test_a_file() -> None:
    path = Path("/etc/cron.d/app")
    settles("cron", name="a", job="x", cron_file="app", user="anna", minute="0")
    assert path.read_text() == "#Ansible: a\n0 * * * * anna x\n" and path.stat().st_mode & 0o777 == 0o644
    settles("cron", name="b", job="y", cron_file="/etc/cron.d/app", special_time="daily")
    assert path.read_text().endswith("#Ansible: b\n@daily root y\n")
    settles("cron", name="a", state="absent", cron_file="app")
    settles("cron", name="b", state="absent", cron_file="app")
    assert not path.exists()
    assert not ok("cron", name="b", state="absent", cron_file="app")["changed"]


@inside
def test_variables() -> None:
    ok("cron", name="job", job="true")
    assert settles("cron", name="PATH", env=True, job="/opt/bin:/bin")["envs"] == ["PATH"]
    settles("cron", name="MAILTO", env=True, job="root", insertafter="PATH")
    settles("cron", name="FIRST", env=True, job='"quoted"', insertbefore="PATH")
    assert crontab().splitlines()[:3] == ['FIRST="quoted"', 'PATH="/opt/bin:/bin"', 'MAILTO="root"']
    settles("cron", name="PATH", env=True, job="/bin")
    assert crontab().splitlines()[1] == 'PATH="/bin"'
    settles("cron", name="PATH", env=True, state="absent")
    assert "not found" in run("cron", name="X", env=True, job="y", insertafter="NONE")["msg"]


@inside
def test_what_others_wrote_stays() -> None:
    Path("/etc/cron.d/old").write_text("# words\nSHELL=/bin/sh\n\n1 1 * * * root by-hand\n")
    ok("cron", name="new", job="x", cron_file="old")
    assert Path("/etc/cron.d/old").read_text() == "# words\nSHELL=/bin/sh\n\n1 1 * * * root by-hand\n#Ansible: new\n* * * * * root x\n"
    settles("cron", name="mine", job="by-hand", cron_file="old", minute="1", hour="1")
    assert Path("/etc/cron.d/old").read_text().count("by-hand") == 1


REFUSED: list[dict[str, Any]] = [
    {"job": "a\nb"}, {"job": "x", "minute": "1 2"}, {"job": "x", "special_time": "daily", "hour": "2"}, {"job": "x", "insertafter": "Y"},
    {"job": "x", "user": "-u"}, {"job": "x", "name": "n\n* * * * * evil"},
]


@inside
def test_what_is_refused() -> None:
    for args in REFUSED:
        assert run("cron", **{"name": "n", **args})["failed"], args
    assert crontab() == ""
    os.rename("/usr/bin/crontab", "/usr/bin/crontab.gone")
    assert "cannot run crontab" in run("cron", name="n", job="x")["msg"]

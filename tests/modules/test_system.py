"""Small things of the system: selections of dpkg, answers for debconf, the time zone, kernel modules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import ArgumentError
from fleet.modules import modprobe
from tests.modules.harness import apply, fails
from tests.modules.sysroot import inside, ok, run, settles


@inside
def test_selections() -> None:
    done = settles("dpkg_selections", name="cron", selection="hold")
    assert (done["before"], done["after"]) == ("install", "hold")
    assert subprocess.run(["dpkg", "--get-selections", "cron"], capture_output=True, text=True).stdout.split() == ["cron", "hold"]
    settles("dpkg_selections", name="cron", selection="install")
    assert "does not know the package no-such" in run("dpkg_selections", name="no-such", selection="hold")["msg"]
    assert "no-such yet" in str(ok("dpkg_selections", check=True, name="no-such", selection="hold")["warnings"])
    assert run("dpkg_selections", name="cron hold\nadduser", selection="hold")["failed"]


def shown(package: str) -> str:
    return subprocess.run(["debconf-show", package], capture_output=True, text=True, check=True).stdout


@inside
def test_answers() -> None:
    question = {"name": "adduser", "question": "adduser/homedir-permission"}
    done = settles("debconf", **question, vtype="boolean", value=False)
    assert "* adduser/homedir-permission: false" in shown("adduser") and done["current"] == {"adduser/homedir-permission": "false"}
    settles("debconf", **question, vtype="boolean", value="yes")
    settles("debconf", **question, vtype="seen", value=False)
    assert "  adduser/homedir-permission: true" in shown("adduser")
    settles("debconf", name="own", question="own/some", vtype="multiselect", value=["a", "b"], unseen=True)
    assert not ok("debconf", name="own", question="own/some", vtype="multiselect", value=["b", "a"], unseen=True)["changed"]
    assert "  own/some: a, b" in shown("own")
    assert ok("debconf", name="own")["current"] == {"own/some": "a, b"}
    secret = settles("debconf", name="own", question="own/password", vtype="password", value="hush")
    assert "hush" not in str(secret) and "hush" in Path("/var/cache/debconf/passwords.dat").read_text()
    assert "hush" not in str(ok("debconf", name="own"))
    assert "true or false" in run("debconf", **question, vtype="boolean", value="maybe")["msg"]
    assert "1 is no text" in run("debconf", name="own", question="own/some", vtype="multiselect", value=["a", 1])["msg"]
    assert "one line" in run("debconf", **question, vtype="string", value="a\nown own/x string y")["msg"]
    with pytest.raises(ArgumentError, match="belong together"):
        run("debconf", name="own", question="own/x")


@inside
def test_time_zone() -> None:
    link, name = Path("/etc/localtime"), Path("/etc/timezone")
    settles("timezone", name="Europe/Berlin")
    assert link.readlink() == Path("/usr/share/zoneinfo/Europe/Berlin") and name.read_text() == "Europe/Berlin\n"
    assert subprocess.run(["date", "-d", "@0", "+%H %Z"], capture_output=True, text=True).stdout == "01 CET\n"
    link.unlink()
    link.write_bytes(Path("/usr/share/zoneinfo/UTC").read_bytes())
    settles("timezone", name="UTC")
    settles("timezone", hwclock="local")
    assert Path("/etc/adjtime").read_text() == "0.0 0 0.0\n0\nLOCAL\n"
    Path("/etc/adjtime").write_text("0.5 1700000000 0\n1700000000\nLOCAL\n")
    settles("timezone", hwclock="UTC")
    assert Path("/etc/adjtime").read_text() == "0.5 1700000000 0\n1700000000\nUTC\n"
    for wrong in ("Mars/Olympus", "../../../etc/passwd", "Europe", ""):
        assert "no time zone" in run("timezone", name=wrong)["msg"]
    assert link.readlink() == Path("/usr/share/zoneinfo/UTC")


# options, files below etc before, changed, files then (None: gone)
MODPROBE: list[tuple[dict[str, Any], dict[str, str], bool, dict[str, str | None]]] = [
    ({"persistent": "present"}, {}, True, {"modules-load.d/dummy-net.conf": "dummy-net\n"}),
    ({"persistent": "present"}, {"modules-load.d/other.conf": "# x\ndummy-net\n"}, False, {"modules-load.d/dummy-net.conf": None}),
    ({"persistent": "present", "params": "a=2"}, {"modprobe.d/dummy-net.conf": "options dummy_net a=1\noptions other b=1\n"}, True,
     {"modprobe.d/dummy-net.conf": "options other b=1\noptions dummy-net a=2\n", "modules-load.d/dummy-net.conf": "dummy-net\n"}),
    ({"persistent": "absent"}, {"modules-load.d/dummy-net.conf": "dummy-net\n", "modules-load.d/o.conf": "dummy_net\nother\n"}, True,
     {"modules-load.d/dummy-net.conf": None, "modules-load.d/o.conf": "other\n"}),
    ({}, {}, False, {"modules-load.d/dummy-net.conf": None}),
]


@pytest.mark.parametrize("case", MODPROBE, ids=str)
def test_modules_at_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[dict[str, Any], dict[str, str], bool, dict[str, str | None]]) -> None:
    options, before, changed, after = case
    for name in ("modules-load.d", "modprobe.d"):
        (tmp_path / "etc" / name).mkdir(parents=True)
    for name, text in before.items():
        (tmp_path / "etc" / name).write_text(text)
    (tmp_path / "modules").write_text("dummy_net 16384 0 - Live 0x0000000000000000\n")
    monkeypatch.setattr(modprobe, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(modprobe, "LOADED", str(tmp_path / "modules"))
    apply("modprobe", {"name": "dummy-net", **options}, tmp_path, changed=changed)
    assert {name: (tmp_path / "etc" / name).read_text() if (tmp_path / "etc" / name).exists() else None for name in after} == after


def test_modules_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modprobe, "LOADED", str(tmp_path / "none"))
    for check in (True, False):
        fails("modprobe", {"name": "dummy"}, "this kernel", check=check)
        fails("modprobe", {"name": "-r"}, "cannot be the name", check=check)
    (tmp_path / "builtin").write_text("kernel/drivers/block/loop.ko\n")
    monkeypatch.setattr(modprobe, "BUILTIN", f"{tmp_path}/builtin%.0s")
    apply("modprobe", {"name": "loop"}, tmp_path, changed=False)
    fails("modprobe", {"name": "loop", "state": "absent"}, "built into this kernel")
    (tmp_path / "none").write_text("")
    fails("modprobe", {"name": "dummy"}, "there are no modules for this kernel")


def choice(name: str = "pager2") -> dict[str, str]:
    done = subprocess.run(["update-alternatives", "--query", name], capture_output=True, text=True)
    return dict(line.split(": ", 1) for line in done.stdout.split("\n\n")[0].splitlines() if ": " in line)


@inside
def test_alternatives() -> None:
    one: dict[str, Any] = {"name": "pager2", "path": "/bin/cat"}
    two: dict[str, Any] = {"name": "pager2", "path": "/bin/more"}
    link = Path("/usr/bin/pager2")
    assert "give its link" in run("alternatives", **one)["msg"]
    settles("alternatives", **one, link=str(link))
    assert (choice()["Value"], choice()["Status"], os.readlink("/etc/alternatives/pager2")) == ("/bin/cat", "manual", "/bin/cat")
    settles("alternatives", **two, state="present", priority=90)
    assert choice()["Value"] == "/bin/cat"
    settles("alternatives", name="pager2", state="auto")
    assert (choice()["Value"], choice()["Status"]) == ("/bin/more", "auto")
    settles("alternatives", **one)
    settles("alternatives", **one, priority=99)
    slave = {"name": "pager2.1", "link": "/usr/bin/pager2.1", "path": "/bin/tac"}
    settles("alternatives", **one, subcommands=[slave])
    assert os.readlink("/etc/alternatives/pager2.1") == "/bin/tac"
    settles("alternatives", **one, subcommands=[])
    assert not Path("/etc/alternatives/pager2.1").exists()
    settles("alternatives", **one, state="absent")
    assert choice()["Value"] == "/bin/more"
    assert "does not exist" in run("alternatives", name="pager2", path="/no/such")["msg"]
    assert run("alternatives", name="--all", path="/bin/cat")["failed"]


@inside
def test_locales() -> None:
    done = settles("locale_gen", name=["de_DE.UTF-8"])
    assert done["mechanism"] == "glibc" and "\nde_DE.UTF-8 UTF-8\n" in Path("/etc/locale.gen").read_text()
    assert subprocess.run(["date", "-d", "@0", "+%A"], env={"LC_ALL": "de_DE.UTF-8"}, capture_output=True, text=True).stdout == "Donnerstag\n"
    assert not ok("locale_gen", name=["de_DE.utf8"])["changed"]
    settles("locale_gen", name=["de_DE.UTF-8"], state="absent")
    assert "\n# de_DE.UTF-8 UTF-8\n" in Path("/etc/locale.gen").read_text()
    assert "not available: xx_XX.UTF-8" in run("locale_gen", name=["xx_XX.UTF-8"])["msg"]
    Path("/etc/locale.gen").unlink()
    assert "install the package locales" in run("locale_gen", name=["de_DE.UTF-8"])["msg"]


@inside
def test_programs_that_an_earlier_task_may_install() -> None:
    Path("/usr/sbin/locale-gen").unlink()
    tasks: list[tuple[str, dict[str, Any]]] = [
        ("locale_gen", {"name": ["de_DE.UTF-8"]}), ("iptables", {"chain": "INPUT", "jump": "DROP"}), ("pip", {"name": ["thing"]})]
    for name, args in tasks:
        planned = ok(name, check=True, **args)
        assert planned["changed"] and "yet" in planned["warnings"][0], planned
        assert run(name, **args)["failed"]

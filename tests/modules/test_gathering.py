"""getent, package_facts and service_facts: modules that only look."""

from __future__ import annotations

import pwd
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import fails, run
from tests.modules.sysroot import inside, ok
from tests.modules.sysroot import run as run_inside

ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"database": "passwd", "key": "root"}, {"root": list(map(str, pwd.getpwnam("root")[1:]))}),
    ({"database": "services", "key": "ssh"}, {"ssh": ["22/tcp"]}),
    ({"database": "passwd", "key": "no-such", "fail_key": False}, {"no-such": None}),
    ({"database": "passwd", "key": "root", "split": "x"}, {"root:": [f":0:0:root:{pwd.getpwnam('root').pw_dir}:{pwd.getpwnam('root').pw_shell}"]}),
    ({"database": "group", "key": "root", "service": "files"}, {"root": ["x", "0", ""]}),
]


@pytest.mark.parametrize(("options", "expected"), ASKED, ids=str)
def test_getent(options: dict[str, Any], expected: dict[str, Any]) -> None:
    result = run("getent", options)
    assert result["ansible_facts"] == {f"getent_{options['database']}": expected} and not result["changed"], result


def test_getent_lists_all_and_says_what_is_not() -> None:
    everybody = run("getent", {"database": "passwd"}, check=True)["ansible_facts"]["getent_passwd"]
    assert {entry.pw_name for entry in pwd.getpwall()} == set(everybody)
    fails("getent", {"database": "passwd", "key": "no-such"}, "passwd has no entry no-such")
    fails("getent", {"database": "nonsense"}, "cannot ask nonsense")
    fails("getent", {"database": "initgroups"}, "cannot be listed here")
    fails("getent", {"database": "-h"}, "dash")
    fails("getent", {"database": "passwd", "key": "root", "split": ""}, "non-empty")


@inside
def test_package_facts() -> None:
    packages = ok("package_facts")["ansible_facts"]["packages"]
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture} ${Section}\n"],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = {words[1]: {"version": words[2], "arch": words[3], "category": words[4]} for words in map(str.split, listed) if words[0] == "installed"}
    assert {name: {key: found[0][key] for key in ("version", "arch", "category")} for name, found in packages.items()} == wanted
    assert packages["cron"][0]["source"] == "apt" and "not of pacman" in run_inside("package_facts", manager=["pacman"])["msg"]
    Path("/var/lib/dpkg/status").unlink()
    assert "no packages of apt" in run_inside("package_facts", manager=["apt"])["msg"]


@inside
def test_package_facts_of_rpm() -> None:
    spec = "Name: sample\nEpoch: 2\nVersion: 1.5\nRelease: 3\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\ns\n%files\n"
    Path("/tmp/sample.spec").write_text(spec)
    for words in ("rpmbuild -bb --quiet --define '_rpmdir /tmp' /tmp/sample.spec", "rpm -i --nodeps /tmp/noarch/sample-1.5-3.noarch.rpm"):
        subprocess.run(words, shell=True, check=True, capture_output=True)
    entry = {"name": "sample", "version": "1.5", "release": "3", "epoch": 2, "arch": "noarch", "source": "rpm"}
    assert ok("package_facts", manager=["dnf"])["ansible_facts"]["packages"] == {"sample": [entry]}
    both = ok("package_facts", strategy="all")["ansible_facts"]["packages"]
    assert both["sample"] == [entry] and both["cron"][0]["source"] == "apt"
    assert "sample" not in ok("package_facts")["ansible_facts"]["packages"]
    Path("/usr/bin/rpm").unlink()
    Path("/usr/bin/rpm").touch(mode=0o755)
    broken = ok("package_facts", manager=["rpm", "apt"])
    assert "cron" in broken["ansible_facts"]["packages"] and "cannot run rpm" in broken["warnings"][0]


@inside
def test_service_facts_where_systemd_does_not_run() -> None:
    services = ok("service_facts", check=True)["ansible_facts"]["services"]
    assert services["cron.service"] == {"name": "cron.service", "state": "unknown", "status": "enabled", "source": "systemd"}
    assert services["systemd-networkd.service"]["status"] == "disabled" and "cron" not in services
    script = Path("/etc/init.d/own")
    script.write_text("#!/bin/sh\ncase $1 in status) exit ${STATE:-3};; esac\n")
    script.chmod(0o755)
    Path("/etc/rc2.d").mkdir(exist_ok=True)
    Path("/etc/rc2.d/S01own").symlink_to("../init.d/own")
    assert ok("service_facts")["ansible_facts"]["services"]["own"] == {"name": "own", "state": "stopped", "status": "enabled", "source": "sysv"}
    script.write_text("#!/bin/sh\n# status\nexit 0\n")
    assert ok("service_facts")["ansible_facts"]["services"]["own"]["state"] == "running"

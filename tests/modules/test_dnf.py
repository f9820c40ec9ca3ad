"""dnf and package, against a small repository of RPM packages made in the private root."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fleet.modules import _dnf
from tests.modules.sysroot import inside, ok, run, settles

REPO = Path("/srv/rpm")
GROUPS = """<?xml version="1.0"?>
<comps><group><id>both</id><name>both</name><description>both</description><default>true</default><uservisible>true</uservisible><packagelist>
<packagereq type="mandatory">lone</packagereq><packagereq type="mandatory">lib-a</packagereq></packagelist></group></comps>
"""


def rpm(name: str, version: str, *lines: str) -> None:
    """Build a package with one file, /opt/NAME."""
    spec = Path(f"/tmp/{name}.spec")
    spec.write_text("\n".join([
        f"Name: {name}", f"Version: {version}", "Release: 1", f"Summary: {name}", "License: MIT", "BuildArch: noarch", *lines, "%description", name, "%install",
        "mkdir -p %{buildroot}/opt", f"echo {version} > %{{buildroot}}/opt/{name}", "%files", f"/opt/{name}", ""]))
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", "_topdir /tmp/rpm", "--define", f"_rpmdir {REPO}", str(spec)], check=True, capture_output=True)


def repository() -> None:
    REPO.mkdir(parents=True)
    rpm("lib-a", "1.0")
    rpm("tool-a", "1.0", "Requires: lib-a")
    rpm("tool-a", "2.0", "Requires: lib-a")
    rpm("lone", "1.5", "Provides: a-tool")
    rpm("a-package-whose-name-is-too-long-for-one-line-of-a-table", "1.0")
    Path("/tmp/comps.xml").write_text(GROUPS)
    subprocess.run(["createrepo_c", "-q", "-g", "/tmp/comps.xml", str(REPO)], check=True, capture_output=True)
    Path("/etc/yum.repos.d").mkdir(parents=True, exist_ok=True)
    Path("/etc/yum.repos.d/local.repo").write_text(f"[local]\nname=local\nbaseurl=file://{REPO}\ngpgcheck=0\n")


def version(name: str) -> str:
    path = Path("/opt") / name
    return path.read_text().strip() if path.exists() else ""


def dnf(**args: Any) -> dict[str, Any]:
    return settles("dnf", releasever="1", **args)


def unchanged(**args: Any) -> None:
    assert not ok("dnf", releasever="1", **args)["changed"], args


def message(**args: Any) -> str:
    result = run("dnf", releasever="1", **args)
    assert result.get("failed"), result
    return str(result["msg"])


@inside
def test_install_upgrade_and_remove() -> None:
    repository()
    done = dnf(name=["tool-a-1.0"])
    assert done["results"] == ["Installed: tool-a-1.0-1.noarch", "Installed: lib-a-1.0-1.noarch"]
    assert done["diff"][0]["after"] == "lib-a 1.0-1\ntool-a 1.0-1\n" and version("tool-a") == "1.0"
    for there in (["tool-a"], ["tool-a", "lib-a"], ["tool-a-1.0"], ["tool-a >= 1.0"], ["/opt/tool-a"]):
        unchanged(name=there)
    done = dnf(name=["tool-a"], state="latest")
    assert (done["diff"][0]["before"], done["diff"][0]["after"]) == ("tool-a 1.0-1\n", "tool-a 2.0-1\n") and version("tool-a") == "2.0"
    assert "newer than what is asked for: tool-a to 1.0-1" in message(name=["tool-a-1.0"])
    assert version("tool-a") == "2.0"
    dnf(name=["tool-a-1.0"], allow_downgrade=True)
    assert version("tool-a") == "1.0"
    dnf(name=["*"], state="latest")
    assert version("tool-a") == "2.0"
    done = dnf(name=["tool-a", "never-there"], state="absent")
    assert done["results"] == ["Removed: tool-a-2.0-1.noarch"] and version("lib-a") == "1.0"
    dnf(autoremove=True)
    assert version("lib-a") == ""


@inside
def test_what_names_may_be() -> None:
    repository()
    dnf(name=[f"{REPO}/noarch/lone-1.5-1.noarch.rpm"], disable_gpg_check=True)
    unchanged(name=["a-tool"])  # what lone provides
    unchanged(name=["lone"], state="latest", update_only=True)
    unchanged(name=["tool-a"], state="latest", update_only=True)
    dnf(name=["lo*"], state="absent")
    dnf(name=["@both"])
    assert version("lone") == "1.5" and version("lib-a") == "1.0"
    unchanged(name=["@both"])
    long = "a-package-whose-name-is-too-long-for-one-line-of-a-table"
    assert dnf(name=[long])["results"] == [f"Installed: {long}-1.0-1.noarch"]


@inside
def test_package_and_what_is_wrong() -> None:
    repository()
    settles("package", name=["lone"], state="present", use="dnf")
    settles("package", name=["lone"], state="absent", use="dnf")
    assert "Unable to find a match: nothere" in message(name=["nothere"])
    assert "Unknown repo: 'nowhere'" in message(name=["tool-a"], enablerepo=["nowhere"])
    assert "name is needed" in message(state="present")
    assert "is no package" in message(name=["--nogpgcheck"])
    assert "can be read" in message(name=["/srv/none.rpm"])
    assert "autoremove goes with state absent" in message(autoremove=True, state="latest", name=["lone"])
    assert ok("dnf", update_cache=True, releasever="1")["msg"] == "Cache updated" and ok("dnf", update_cache=True, check=True)["msg"]
    Path("/usr/bin/dnf").unlink()
    assert "has no dnf or yum" in message(name=["x"])


TABLE = """\
Dependencies resolved.
================================================================================
 Package        Arch   Version                              Repository     Size
================================================================================
Installing:
 kernel-core    x86_64 5.14.0-427.el9                       baseos         20 M
     replacing  kernel-old.x86_64 5.10
 a-very-long-name-of-a-package
                noarch 1:2.0-1                              appstream      12 k
Installing weak dependencies:
 weak           noarch 1-1                                  appstream      1 k
Upgrading:
 glibc          x86_64 2.34-100                             baseos         2 M
Removing dependent packages:
 old            noarch 0.1-1                                @baseos        4
Skipping packages with broken dependencies:
 broken         noarch 1-1                                  appstream      1 k

Transaction Summary
================================================================================
Install  3 Packages
"""


@pytest.mark.parametrize(("text", "wanted"), [
    (TABLE, ["kernel-core 5.14.0-427.el9", "a-very-long-name-of-a-package 1:2.0-1", "weak 1-1", "glibc 2.34-100", "old 0.1-1"]),
    ("Dependencies resolved.\nNothing to do.\nComplete!\n", []),
    ("", []),
])
def test_the_table_of_a_transaction(text: str, wanted: list[str]) -> None:
    assert [f"{row.name} {row.version}" for row in _dnf.table(text)] == wanted


@inside
def test_keys() -> None:
    subprocess.run(["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Tester <t@example.org>", "rsa2048", "sign", "never"],
                   check=True, capture_output=True)
    armoured = subprocess.run(["gpg", "--armor", "--export", "t@example.org"], check=True, capture_output=True).stdout
    Path("/tmp/key").write_bytes(armoured)
    id_ = settles("rpm_key", key="/tmp/key")["keys"][0]
    assert "must have" in run("rpm_key", key="/tmp/key", fingerprint=["AB" * 20])["msg"]
    settles("rpm_key", key=id_.upper(), state="absent")
    settles("rpm_key", key="/tmp/key")
    settles("rpm_key", key="/tmp/key", state="absent")
    Path("/tmp/none").write_text("no key")
    for key, words in (("/tmp/none", "is no public key"), ("/tmp/missing", "there is no key"), ("ABCDEF01", "not by its id")):
        assert words in run("rpm_key", key=key)["msg"]

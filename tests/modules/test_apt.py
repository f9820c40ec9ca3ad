"""apt and package, against a small repository made in the private root."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.modules.sysroot import inside, ok, run, settles

REPO = Path("/srv/repo")


def deb(name: str, version: str, **fields: str) -> Path:
    """Build a package with one file, /opt/NAME, and a configuration file."""
    tree = Path(f"/tmp/{name}_{version}")
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "opt").mkdir()
    (tree / "opt" / name).write_text(version)
    (tree / "etc").mkdir()
    (tree / f"etc/{name}.conf").write_text("x\n")
    (tree / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n")
    control = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "T <t@example.org>", "Description": name, **fields}
    (tree / "DEBIAN/control").write_text("".join(f"{key.replace('_', '-')}: {value}\n" for key, value in control.items()))
    path = REPO / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(path)], check=True, capture_output=True)
    return path


def index() -> None:
    """A flat repository's Packages file; apt reads it without signatures because it is marked trusted."""
    text = ""
    for path in sorted(REPO.glob("*.deb")):
        control = subprocess.run(["dpkg-deb", "-f", str(path)], check=True, capture_output=True, text=True).stdout
        digest = subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True).stdout.split()[0]
        text += f"{control}Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n\n"
    (REPO / "Packages").write_text(text)


def repository() -> None:
    REPO.mkdir(parents=True)
    for path in Path("/etc/apt/sources.list.d").iterdir():
        path.unlink()
    Path("/etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/repo ./\n")
    deb("lib-a", "1.0")
    deb("tool-a", "1.0", Depends="lib-a")
    deb("tool-a", "2.0", Depends="lib-a")
    deb("tool-b", "1.0", Provides="a-tool")
    deb("lone", "1.5-1")
    index()
    ok("apt", update_cache=True)


def version(name: str) -> str:
    path = Path("/opt") / name
    return path.read_text() if path.exists() else ""


@inside
def test_life_of_a_package() -> None:
    repository()
    predicted = ok("apt", name="tool-a", check=True)
    assert predicted["diff"][0]["after"] == "lib-a 1.0\ntool-a 2.0\n"
    done = settles("apt", name="tool-a")
    assert version("tool-a") == "2.0" and version("lib-a") == "1.0" and "Setting up tool-a" in done["stdout"]
    settles("apt", name="tool-a", state="absent")
    assert Path("/etc/tool-a.conf").exists() and not version("tool-a")
    settles("apt", name="tool-a", state="absent", purge=True)
    assert not Path("/etc/tool-a.conf").exists()
    settles("apt", autoremove=True)
    assert not version("lib-a")
    settles("apt", name=["tool-a", "tool-b"])
    settles("apt", name="tool-a", state="absent", autoremove=True, purge=True)
    assert not version("lib-a")


@inside
def test_versions_and_patterns() -> None:
    repository()
    settles("apt", name="tool-a=1.*")
    assert version("tool-a") == "1.0"
    assert not ok("apt", name="tool-a")["changed"]
    settles("apt", name="tool-a>=1.5")
    assert version("tool-a") == "2.0"
    older = run("apt", name="tool-a=1.0")
    assert older["failed"] and "allow_downgrade" in older["msg"]
    settles("apt", name="tool-a=1.0", allow_downgrade=True)
    settles("apt", name="tool-a", state="latest")
    assert version("tool-a") == "2.0"
    assert run("apt", name="tool-a=2.0", state="latest")["failed"]
    settles("apt", name="tool-*")
    assert version("tool-b") == "1.0"
    settles("apt", name="tool-*", state="absent")
    assert not ok("apt", name="no-such-*", state="absent")["changed"]


@inside
def test_virtual_and_missing_packages() -> None:
    repository()
    settles("apt", name="tool-b")
    assert not ok("apt", name="a-tool")["changed"]
    for check in (True, False):
        missing = run("apt", name="no-such", check=check)
        assert missing["failed"] and missing["msg"].startswith("No package matching 'no-such' is available")
    assert run("apt", name="-oX")["failed"]


@inside
def test_upgrade_and_only_upgrade() -> None:
    repository()
    ok("apt", name="tool-a=1.0")
    assert not ok("apt", name="lone", only_upgrade=True)["changed"]
    settles("apt", upgrade="yes")
    assert version("tool-a") == "2.0"
    settles("apt", name="tool-a=1.0", force=True)
    settles("apt", upgrade="dist")
    ok("apt", name="tool-a=1.0", force=True)
    settles("apt", name="*", state="latest")


@inside
def test_a_file() -> None:
    repository()
    path = deb("own", "1.0", Depends="lib-a")
    settles("apt", deb=str(path))
    assert version("own") == "1.0" and version("lib-a") == "1.0"
    older = deb("own", "0.9")
    assert "newer" in run("apt", deb=str(older))["msg"]
    settles("apt", deb=str(older), allow_downgrade=True)
    assert "there is no file" in run("apt", deb="/no/such.deb")["msg"]


@inside
def test_lists() -> None:
    repository()
    deb("news", "1.0")
    index()
    first = ok("apt", update_cache=True)
    assert first["cache_updated"] and first["changed"] and first["cache_update_time"] > time.time() - 60
    fresh = ok("apt", cache_valid_time=3600)
    assert not fresh["cache_updated"] and not fresh["changed"]
    both = ok("apt", name="lone", update_cache=True)
    assert both["changed"] and not both["cache_updated"]  # the lists are the same
    assert not ok("apt", update_cache=True)["changed"]
    assert not ok("apt", name="lone", update_cache=True)["changed"]
    Path("/etc/apt/sources.list").write_text("deb [trusted=yes] file:/no/such ./\n")
    broken = run("apt", update_cache=True, update_cache_retries=0)
    assert broken["failed"] and broken["msg"].startswith("Failed to update apt cache: ")


@inside
def test_the_holder_of_a_lock_is_named() -> None:
    repository()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with Path("/var/lib/dpkg/lock-frontend").open("w") as stream:
            fcntl.lockf(stream, fcntl.LOCK_EX)
            os.write(writer, b"x")
            time.sleep(20)
        os._exit(0)
    os.read(reader, 1)
    late = run("apt", name="lone", lock_timeout=0)
    assert late["failed"] and late["holder"] == pid and f"process {pid}" in late["msg"], late
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    settles("apt", name="lone")


@inside
def test_policy_is_put_back() -> None:
    repository()
    policy = Path("/usr/sbin/policy-rc.d")
    policy.unlink(missing_ok=True)
    settles("apt", name="lone", policy_rc_d=101)
    assert not policy.exists()
    policy.write_text("#!/bin/sh\n")
    settles("apt", name="lone", state="absent", policy_rc_d=101)
    assert policy.read_text() == "#!/bin/sh\n" and len(list(policy.parent.glob("policy-rc.d*"))) == 1


@inside
def test_package() -> None:
    repository()
    settles("package", name="tool-a", state="present")
    settles("package", name="tool-a", state="absent")
    assert "zypper" in run("package", name="x", state="present", use="zypper")["msg"]
    assert run("package", name="x", state="odd")["failed"]
    settles("package", name="tool-a", state="present", install_recommends=False)
    assert "with apt, which has no option enablerepo" in run("package", name="tool-b", state="present", enablerepo=["epel"])["msg"]
    Path("/usr/bin/apt-get").rename("/usr/bin/apt-got")
    assert run("package", name="x", state="present")["failed"]


@inside
def test_without_dpkg() -> None:
    Path("/var/lib/dpkg/status").unlink()
    result: dict[str, Any] = run("apt", name="x")
    assert "no dpkg" in result["msg"]


SOURCES = Path("/etc/apt/sources.list.d")
LINE = "deb [trusted=yes] file:/srv/repo ./"


@inside
def test_a_line_of_sources() -> None:
    repository()
    main = Path("/etc/apt/sources.list")
    assert not ok("apt_repository", repo="deb  [ trusted=yes ]  file:/srv/repo/ ./")["changed"]
    main.write_text(f"# {LINE}\n")
    settles("apt_repository", repo=LINE)
    assert main.read_text() == LINE + "\n"
    settles("apt_repository", repo=LINE, state="absent")
    assert main.read_text() == ""
    done = settles("apt_repository", repo=LINE)
    assert done["sources_added"] == [str(SOURCES / "srv_repo.list")] and (SOURCES / "srv_repo.list").read_text() == LINE + "\n"
    settles("apt", name="lone")  # its lists were read
    settles("apt_repository", repo=LINE, state="absent")
    assert not (SOURCES / "srv_repo.list").exists()
    settles("apt_repository", repo="deb-src https://u:p@apt.example.org/debian-x stable main", update_cache=False, mode="0600")
    assert (SOURCES / "apt_example_org_debian-x.list").stat().st_mode & 0o777 == 0o600


@inside
def test_sources_that_cannot_be_read_are_put_back() -> None:
    repository()
    (SOURCES / "own.list").write_text("# mine\n")
    bad = run("apt_repository", repo="deb [trusted=yes] file:/no/such ./", filename="own", update_cache_retries=0)
    assert bad["failed"] and not bad["changed"] and bad["msg"].endswith("the sources are as they were")
    assert (SOURCES / "own.list").read_text() == "# mine\n" and len(list(SOURCES.iterdir())) == 1
    for repo, words in (("ppa:someone/thing", "deb822_repository"), ("nonsense", "no line of apt's sources"), ("deb http://x", "no line"), (f"# {LINE}", "no line")):
        assert words in run("apt_repository", repo=repo)["msg"]
    assert "filename" in run("apt_repository", repo="deb http://new ./", filename="../x")["msg"]


@inside
def test_sources_as_deb822() -> None:
    repository()
    Path("/etc/apt/sources.list").unlink()
    source = {"name": "My Repo_1", "uris": ["file:/srv/repo"], "suites": ["./"], "trusted": True}
    path = SOURCES / "my-repo-1.sources"
    assert settles("deb822_repository", **source)["dest"] == str(path)
    assert path.read_text() == "X-Repolib-Name: My Repo_1\nTypes: deb\nURIs: file:/srv/repo\nSuites: ./\nTrusted: yes\n"
    ok("apt", update_cache=True)
    settles("apt", name="lone")
    path.write_text("# by hand\nTypes:  deb\nX-Repolib-Name: My Repo_1\nURIs:\n  file:/srv/repo\nSuites: ./\nTrusted: yes\n")
    assert not ok("deb822_repository", **source)["changed"]
    settles("deb822_repository", **source, enabled=False, components=["main", "extra"], by_hash=False, mode="0600")
    assert "Enabled: no\n" in path.read_text() and "Components: main extra\n" in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    settles("deb822_repository", name="My Repo_1", state="absent")
    assert not path.exists()


@inside
def test_keys_of_sources() -> None:
    source = {"name": "keyed", "uris": ["https://apt.example.org/"], "suites": ["stable"], "components": ["main"]}
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
    Path("/srv/key").write_text(key)
    kept = Path("/etc/apt/keyrings/keyed.asc")
    assert settles("deb822_repository", **source, signed_by="file:///srv/key")["key_filename"] == str(kept)
    assert kept.read_text() == key and f"Signed-By: {kept}\n" in (SOURCES / "keyed.sources").read_text()
    Path("/srv/key").write_text(key.replace("abc", "def"))
    settles("deb822_repository", **source, signed_by="file:///srv/key")
    settles("deb822_repository", **source, signed_by=key)
    assert "Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n" in (SOURCES / "keyed.sources").read_text()
    settles("deb822_repository", name="keyed", state="absent")
    assert not kept.exists()
    assert "cannot fetch the key" in run("deb822_repository", **source, signed_by="file:///no/such")["msg"]
    assert "neither letters nor digits" in run("deb822_repository", **{**source, "name": "../"})["msg"]

"""copy of a directory: what differs is sent, and the rest is only looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engine.harness import Seen, Site

PLAY = """
- hosts: a
  gather_facts: false
  tasks:
    - copy: {src: tree/, dest: "%s", %s}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "site")
    for number in range(30):
        made.write(f"tree/d{number % 3}/f{number}", f"content {number}\n")
    made.write("tree/empty", "")
    (made.path / "tree/d0/none").mkdir()
    (made.path / "tree/large").write_bytes(os.urandom(700_000))
    return made


def copied(site: Site, dest: Path, options: str = "mode: preserve", **more: object) -> Seen:
    return site.run(PLAY % (dest, options), **more)


def same(one: Path, other: Path) -> bool:
    def listed(base: Path) -> dict[str, object]:
        return {str(path.relative_to(base)): path.read_bytes() if path.is_file() else None for path in base.rglob("*")}
    return listed(one) == listed(other)


def changed(seen: Seen) -> bool:
    assert seen.status == 0, seen.results()
    return bool(seen.results()[0].result["changed"])


def test_new_then_the_same_then_what_differs(site: Site, tmp_path: Path) -> None:
    dest, tree = tmp_path / "dest", site.path / "tree"
    assert changed(copied(site, dest, check=True)) and not dest.exists()
    assert changed(copied(site, dest)) and same(dest, tree)
    before = {path: path.stat().st_ino for path in dest.rglob("f*")}
    assert not changed(copied(site, dest))
    (tree / "d1/f1").write_text("CONTENT 1\n")  # of the same size
    (dest / "d2/f2").write_text("longer than it was, changed on the target\n")
    (dest / "d0/f0").unlink()
    assert changed(copied(site, dest, check=True)) and not same(dest, tree)
    assert changed(copied(site, dest)) and same(dest, tree)
    rewritten = {path.name for path, inode in before.items() if path.stat().st_ino != inode}
    assert {"f1", "f2"} <= rewritten <= {"f0", "f1", "f2"}
    assert not list(dest.rglob(".fleet-*"))


def test_attributes_of_what_is_there_too(site: Site, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    (site.path / "tree/d0/f0").chmod(0o755)
    assert changed(copied(site, dest))
    assert (dest / "d0/f0").stat().st_mode & 0o777 == 0o755
    (dest / "d0/f3").chmod(0o600)
    assert changed(copied(site, dest))
    assert (dest / "d0/f3").stat().st_mode & 0o777 == 0o644
    assert changed(copied(site, dest, "mode: '0640', directory_mode: '0750', owner: '4321'"))
    assert all((path.stat().st_mode & 0o777, path.stat().st_uid) == (0o750 if path.is_dir() else 0o640, 4321) for path in dest.rglob("*"))
    assert not changed(copied(site, dest, "mode: '0640', directory_mode: '0750', owner: '4321'"))


def test_what_is_in_the_way_is_named_and_nothing_is_left_half_done(site: Site, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    (dest / "d1/f4").mkdir(parents=True)
    seen = copied(site, dest)
    assert seen.status == 2 and "d1/f4 exists and is no file" in str(seen.results()[0].result["msg"])
    assert not list(dest.rglob(".fleet-*"))
    (dest / "d1/f4").rmdir()
    (dest / "d1").rmdir()
    (dest / "d1").write_text("")
    seen = copied(site, dest)
    assert seen.status == 2 and "exists and is no directory" in str(seen.results()[0].result["msg"])


def test_a_link_in_the_way_is_replaced_and_not_followed(site: Site, tmp_path: Path) -> None:
    dest, precious = tmp_path / "dest", tmp_path / "precious"
    precious.write_text("mine\n")
    (dest / "d0").mkdir(parents=True)
    (dest / "d0/f0").symlink_to(precious)
    assert changed(copied(site, dest))
    assert precious.read_text() == "mine\n" and (dest / "d0/f0").read_text() == "content 0\n" and not (dest / "d0/f0").is_symlink()


def test_the_differences_are_shown_when_asked_for(site: Site, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    assert changed(copied(site, dest))
    (dest / "d0/f0").write_text("old\n")
    (diff,) = copied(site, dest, diff=True).results()[0].result["diff"]
    assert (diff["before"], diff["after"]) == ("old\n", "content 0\n")


def test_encrypted_files_arrive_decrypted(site: Site, tmp_path: Path) -> None:
    from fleet.connection.base import Secret
    from fleet.vault import Vault
    password = tmp_path / "password"
    password.write_text("pass\n")
    text = Vault([("default", Secret("pass"))]).encrypt(b"the secret\n")
    site.write("tree/secret", text)
    dest = tmp_path / "dest"
    assert changed(copied(site, dest, vault_password_file=(str(password),)))
    assert (dest / "secret").read_text() == "the secret\n"
    assert not changed(copied(site, dest, vault_password_file=(str(password),)))

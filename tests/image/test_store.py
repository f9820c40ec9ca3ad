"""The store: names are references, images are whole or not there, and what dead builds left is found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fleet.modules import _image_store as store_
from fleet.modules import _image_users as users
from fleet.runner.module import ModuleError

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def store(tmp_path: Path) -> store_.Store:
    found = store_.Store(str(tmp_path / "images"))
    found.make()
    return found


def put(store: store_.Store, id_: str, **manifest: object) -> None:
    work = store.work("image")
    store_.write_json(work + "/manifest.json", {"id": id_, **manifest})
    store.publish(work, id_)


def test_names(store: store_.Store) -> None:
    put(store, ONE)
    put(store, TWO)
    store.refer("web", ONE)
    assert store.names() == {"web": ONE} and store.resolve("web") == ONE == store.resolve(ONE) == store.resolve("11111111")
    store.refer("web", TWO)
    assert store.names() == {"web": TWO} and store.resolve("1111111") is None and store.resolve("none") is None
    assert store_.manifest(store.path + "/web")["id"] == TWO
    store.refer("app", TWO)
    assert store.named(ONE) == ["web"] and store.named(TWO) == ["app", "web"], "what it was called before is known"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a b", "sha256", "layers", "work", "x" * 200, "a\n"])
def test_hostile_names(store: store_.Store, name: str) -> None:
    with pytest.raises(ModuleError, match="cannot be the name"):
        store.refer(name, ONE)


def test_a_directory_of_an_earlier_fleet_gives_way(store: store_.Store) -> None:
    put(store, ONE)
    os.makedirs(store.path + "/web/tree")
    store.refer("web", ONE)
    assert store.names() == {"web": ONE} and store.leftovers() == [] and os.listdir(store.path + "/work") == []


def test_the_second_of_two_equal_builds_changes_nothing(store: store_.Store) -> None:
    put(store, ONE, by="first")
    put(store, ONE, by="second")
    assert store_.manifest(store.image(ONE))["by"] == "first" and os.listdir(store.path + "/work") == []


def test_what_a_dead_build_left_is_swept(store: store_.Store) -> None:
    mine = store.work("image")
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = os.path.join(store.path, "work", f"{dead.pid}.123.image")
    other = os.path.join(store.path, "work", f"{os.getpid()}.1.layer")  # a process of this number, not this one
    os.mkdir(left)
    os.mkdir(other)
    assert store.leftovers() == sorted([left, other])
    store.sweep()
    assert os.listdir(store.path + "/work") == [os.path.basename(mine)]


def test_tree_digest_sees_what_matters(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_text("one")
    (tmp_path / "l").symlink_to("d/f")
    first = store_.tree_digest(str(tmp_path))
    os.utime(tmp_path / "d/f", (1, 1))
    assert store_.tree_digest(str(tmp_path)) == first
    seen = {first}
    for change in (lambda: (tmp_path / "d/f").chmod(0o600), lambda: (tmp_path / "d/f").write_text("two"), lambda: (tmp_path / "d/g").touch(),
                   lambda: (tmp_path / "l").unlink() or (tmp_path / "l").symlink_to("/etc")):
        change()
        seen.add(store_.tree_digest(str(tmp_path)))
    assert len(seen) == 5


def test_users_of_images(store: store_.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, ONE)
    put(store, TWO)
    store.refer("web", TWO)
    disk = tmp_path / "vm.qcow2"
    inner = f"{store.image(ONE)}/disk.qcow2".encode()
    disk.write_bytes(b"QFI\xfb" + (3).to_bytes(4, "big") + (104).to_bytes(8, "big") + len(inner).to_bytes(4, "big") + bytes(84) + inner)
    (tmp_path / "g1.xml").write_text(f"<domain><devices><disk><source file='{disk}'/></disk></devices></domain>")
    (tmp_path / "c1").mkdir()
    store_.write_json(str(tmp_path / "c1/container.json"), {"image": store.path + "/web"})
    monkeypatch.setattr(users, "CONTAINERS", str(tmp_path / "*/container.json"))
    monkeypatch.setattr(users, "DOMAINS", (str(tmp_path / "*.xml"),))
    assert users.users(store) == {ONE: ["guest g1"], TWO: ["container c1", "name web"]}

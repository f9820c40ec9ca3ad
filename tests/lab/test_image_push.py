"""An image sent to real hosts over SSH: once, by its digest, directly or through the controller, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fleet.lab import Lab
from fleet.modules import _image_store as store_
from tests.engine.harness import Seen, Site

pytestmark = pytest.mark.lab
STORE = "/var/lib/fleet/images"


@pytest.fixture(scope="module")
def tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small root, enough of one to be an image."""
    import tarfile
    root = tmp_path_factory.mktemp("root")
    for name in ("bin", "etc", "usr/lib"):
        (root / name).mkdir(parents=True)
    (root / "etc/big").write_bytes(os.urandom(20 << 20))
    (root / "etc/motd").write_text("hello\n")
    (root / "etc/motd").chmod(0o640)
    os.link(root / "etc/motd", root / "etc/same")
    path = root.parent / f"{root.name}.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(root, ".")
    return path


def task(site: Site, hosts: str, **args: Any) -> Seen:
    seen = site.run(f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n    - {json.dumps({'image': args})}\n")
    assert seen.status == 0, [(event.host, event.result.get("msg")) for event in seen.results()] + [seen.error]
    return seen


def root_of(lab: Lab, host: str) -> Path:
    """A lab host's root, seen from here."""
    leader = Path(f"/proc/{lab.status()[host]['pid']}/task/{lab.status()[host]['pid']}/children").read_text().split()[0]
    return Path(f"/proc/{leader}/root")


@pytest.fixture
def built(site: Site, tar: Path) -> Site:
    """An image on h1, of a tar that is sent there from the controller."""
    site.write("small.yml", f"base: {{tar: ./{os.path.relpath(tar, site.path)}}}\nformats: [tree, tar]\n".replace("./..", ".."))
    task(site, "h1", name="small", recipe=str(site.path / "small.yml"))
    return site


def test_push_from_host_to_host(built: Site, lab: Lab) -> None:
    first = task(built, "h2:h3", name="small", source="h1")
    assert {event.host: (event.result["changed"], event.result["through"]) for event in first.results()} == {"h2": (True, "host"), "h3": (True, "host")}
    again = task(built, "h2:h3", name="small", source="h1")
    assert [event.result["changed"] for event in again.results()] == [False, False]
    sealed = store_.manifest(str(root_of(lab, "h1")) + STORE + "/" + os.readlink(root_of(lab, "h1") / STORE[1:] / "small"))
    for host in ("h2", "h3"):
        place = root_of(lab, host) / STORE[1:] / os.readlink(root_of(lab, host) / STORE[1:] / "small")
        assert store_.manifest(str(place)) == sealed and store_.tree_digest(str(place / "tree")) == sealed["tree_digest"]
        assert (place / "tree/etc/same").stat().st_nlink == 2
        assert os.listdir(root_of(lab, host) / STORE[1:] / "work") == [] == os.listdir(root_of(lab, host) / STORE[1:] / "downloads")


def test_who_has_it_is_a_source_too(built: Site, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With h1 always busy, h3 takes it from h2; and from h1 in the end, when h2 has lost it again."""
    from fleet.image import fanout
    assert [fanout.freest(each) for each in ({"a": 0, "b": 0}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 0})] == ["a", "b", "c"]
    monkeypatch.setattr(fanout, "freest", lambda holders: list(holders)[-1])
    monkeypatch.setattr(fanout, "AT_ONCE", 1)
    away = "- hosts: h2:h3\n  gather_facts: false\n  tasks:\n    - image: {name: small, state: absent}\n"
    one = "- hosts: %s\n  gather_facts: false\n  tasks:\n    - image: {name: small, source: h1}\n"
    lost = "- hosts: h2\n  gather_facts: false\n  tasks:\n    - image: {name: small, state: absent}\n"
    for between, source in (("", "h2"), (lost, "h1")):
        assert built.run(away).status == 0
        seen = built.run(one % "h2" + between + one % "h3")
        assert (seen.status, seen.results("h3")[-1].result["source"], seen.results("h3")[-1].result["through"]) == (0, source, "host"), seen.results()[-1].result


@pytest.mark.timeout(300)
def test_whoever_is_killed_while_an_image_is_sent(built: Site, lab: Lab) -> None:
    """The controller, what runs on the source or what runs on the target: nothing half is there, and the next push brings it."""
    book = built.write("push.yml", "- hosts: h2\n  gather_facts: false\n  tasks:\n    - image: {name: small, source: h1}\n")
    command = [sys.executable, "-m", "fleet", "apply", "-i", str(built.path / "hosts"), "--no-journal", book]
    store = store_.Store(str(root_of(lab, "h2")) + STORE)
    cut = 0
    for number, moment in enumerate((0.0, 0.04, 0.08, 0.12, 0.2, 0.3)):
        task(built, "h2", name="small", state="absent")
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=built.path)
        sending(process, root_of(lab, "h1"))
        time.sleep(moment)
        victim = ("controller", "h2", "h1")[number % 3]
        for pid in [process.pid] if victim == "controller" else runners(lab, victim):
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)
        cut += process.wait(60) != 0
        known = store.names().get("small")
        assert known is None or store_.manifest(store.image(known)).get("id") == known
        seen = task(built, "h2", name="small", source="h1")
        assert store.names()["small"] == seen.results()[-1].result["id"] and store.leftovers() == []
        (id_,) = store.ids()
        assert store_.tree_digest(store.image(id_) + "/tree") == store_.manifest(store.image(id_))["tree_digest"]
    assert cut >= 3, "most came too late to cut anything off"


def sending(process: subprocess.Popen[bytes], source: Path) -> None:
    """Until the source has begun with it (its export is looked at), or the push has ended."""
    def looked_at() -> list[int]:
        return [export.stat().st_mtime_ns for export in (source / STORE[1:] / "downloads").glob("export-*.tar")]
    end, before = time.monotonic() + 20, looked_at()
    while process.poll() is None and looked_at() == before and time.monotonic() < end:
        time.sleep(0.005)


def runners(lab: Lab, host: str) -> list[int]:
    """The Python processes of a lab host, which are fleet's own."""
    leader = Path(f"/proc/{lab.status()[host]['pid']}/task/{lab.status()[host]['pid']}/children").read_text().split()[0]
    space = os.readlink(f"/proc/{leader}/ns/pid")
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(place / "ns/pid") == space and (place / "comm").read_text().startswith("python"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_push_through_the_controller_goes_on_where_it_was(built: Site, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hosts do not reach each other; and a transfer that broke off after two pieces sends only the rest."""
    from fleet.image import fanout
    monkeypatch.setattr(fanout, "offered", lambda *args: {"urls": []})
    monkeypatch.setattr(fanout, "PIECE", 4 << 20)
    task(built, "h2", name="small", state="absent")
    sent: list[int] = []
    real = fanout.must

    def broken(answer: dict[str, Any]) -> dict[str, Any]:
        if "complete" in answer and answer["have"] and not answer["complete"]:
            sent.append(answer["have"])
            if len(sent) == 2:
                raise OSError("the line went dead")
        return real(answer)
    monkeypatch.setattr(fanout, "must", broken)
    with pytest.raises(AssertionError, match="the line went dead"):
        task(built, "h2", name="small", source="h1")
    assert not os.path.lexists(root_of(lab, "h2") / STORE[1:] / "small")
    seen = task(built, "h2", name="small", source="h1")
    assert seen.results()[-1].result["through"] == "controller" and sent[2] == sent[1] == 8 << 20  # what was there is asked for, and not sent again


def test_an_image_that_was_tampered_with_on_the_way_is_refused(built: Site, lab: Lab) -> None:
    task(built, "h2", name="small", state="absent")
    folder = root_of(lab, "h1") / STORE[1:] / "downloads"
    task(built, "h3", name="small", state="absent")
    task(built, "h3", name="small", source="h1")
    (export,) = folder.glob("export-*.tar")
    with export.open("r+b") as stream:
        stream.seek(5 << 20)
        stream.write(b"tampered")
    seen = built.run("- hosts: h2\n  gather_facts: false\n  tasks:\n    - image: {name: small, source: h1}\n")
    assert seen.status == 2 and "another digest" in seen.results()[-1].result["msg"]
    assert not os.path.lexists(root_of(lab, "h2") / STORE[1:] / "small")
    export.unlink()

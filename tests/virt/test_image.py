"""Images really built on this machine: by layers, the same bytes twice, proven equal to a run, whole or not there."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleet.events import TaskResult
from fleet.modules import _image_store as store_
from tests.engine.harness import Seen, Site
from tests.virt.conftest import succeeded

pytestmark = pytest.mark.virt
BASE = {"debian": "bookworm"}
ROLE = """\
- apt: {name: less}
- user: {name: app, system: true, home: /srv/app, create_home: false, shell: /usr/sbin/nologin}
- copy: {content: "{{ greeting }}\\n", dest: /srv/app.txt, owner: app, mode: "0640"}
- file: {path: /srv/link, src: app.txt, state: link}
- lineinfile: {path: /etc/motd, line: "made by fleet"}
- cron: {name: tidy, minute: "5", job: /bin/true, user: root, cron_file: tidy}
- service: {name: cron, state: started}
  when: false
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write("roles/app/tasks/main.yml", ROLE)
    return site


def image(site: Site, store: str, name: str = "web", check: bool = False, **options: Any) -> Seen:
    task = {"image": {"name": name, "store": store, **options}}
    return site.run(f"- hosts: a\n  gather_facts: false\n  tasks:\n    - {json.dumps(task)}\n", check=check)


def build(site: Site, store: str, name: str = "web", **options: Any) -> dict[str, Any]:
    return succeeded(image(site, store, name, **options))


APP: dict[str, Any] = {"base": BASE, "roles": ["app"], "vars": {"greeting": "Hello"}}


def leaks(store: str) -> list[str]:
    """What a build must not leave: mounts, loop devices, work, and entries for it among the containers."""
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if store in line]
    loops = [line for line in subprocess.run(["losetup", "-a"], capture_output=True, text=True).stdout.splitlines() if store in line]
    states = [name for name in os.listdir("/run/fleet/containers") if name.startswith("image-")] if os.path.isdir("/run/fleet/containers") else []
    return mounts + loops + states + os.listdir(os.path.join(store, "work"))


def test_roles_baked_by_layers(site: Site, kept: str) -> None:
    """The main job: unchanged inputs build nothing, a changed role builds from its layer on, check builds nothing and says so."""
    assert image(site, kept, **APP, check=True).results()[-1].result["changed"] is True
    first = build(site, kept, **APP)
    tree = Path(first["tree"])
    assert (tree / "srv/app.txt").read_text() == "Hello\n" and (tree / "usr/bin/less").exists() and os.readlink(tree / "srv/link") == "app.txt"
    assert not list((tree / "var/lib/apt/lists").glob("*Packages*")) and not (tree / "usr/sbin/policy-rc.d").exists()
    assert not (tree / "etc/hostname").exists() and not (tree / "etc/resolv.conf").exists()
    seen = image(site, kept, **APP)
    assert (succeeded(seen)["changed"], succeeded(seen)["id"]) == (False, first["id"])
    assert [e for e in seen.results() if e.host == "web"] == []
    site.write("roles/app/tasks/main.yml", ROLE + "- copy: {content: more, dest: /srv/more}\n")
    assert image(site, kept, **APP, check=True).results()[-1].result["changed"] is True
    second = build(site, kept, **APP)
    assert second["id"] != first["id"] and Path(kept, "web").resolve() == Path(second["path"]) and Path(first["path"]).is_dir()
    manifest = json.loads(Path(second["path"], "manifest.json").read_text())
    assert manifest["layers"][0] == json.loads(Path(first["path"], "manifest.json").read_text())["layers"][0]
    assert manifest["roles"] == ["app"] and any(line.startswith("less ") for line in manifest["packages"])
    site.write("roles/app/tasks/main.yml", ROLE)
    back = image(site, kept, **APP)  # what was built before is there still
    assert succeeded(back)["id"] == first["id"] and [e for e in back.results() if e.host == "web"] == []
    assert leaks(kept) == []


def test_a_playbook_baked(site: Site, kept: str) -> None:
    """The plays whose hosts match the image, by its name and its groups, with handlers; any change of the playbook is another image."""
    book = """\
- hosts: images
  tasks:
    - copy: {content: "{{ greeting }} {{ inventory_hostname }}", dest: /etc/first}
      notify: Tell
  handlers:
    - name: Tell
      copy: {content: told, dest: /etc/told}
- hosts: webservers
  gather_facts: false
  tasks:
    - file: {path: /etc/second, state: directory}
- hosts: a
  tasks:
    - copy: {content: never, dest: /etc/never}
"""
    site.write("site.yml", book)
    site.write("booked.yml", f"base: {json.dumps(BASE)}\nplaybook: site.yml\ngroups: [webservers]\nvars: {{greeting: Hello}}\n")
    options = {"recipe": str(site.path / "booked.yml")}
    built = build(site, kept, "booked", **options)
    tree = Path(built["tree"])
    assert (tree / "etc/first").read_text() == "Hello booked" and (tree / "etc/told").read_text() == "told" and (tree / "etc/second").is_dir()
    assert not (tree / "etc/never").exists() and not Path("/etc/never").exists()
    assert not build(site, kept, "booked", **options)["changed"] and build(site, kept, "booked", **options, state="verified")["verified"]
    site.write("site.yml", book.replace("told, dest", "again, dest"))
    assert build(site, kept, "booked", **options)["id"] != built["id"]


def test_the_same_inputs_give_the_same_bytes(site: Site, kept: str, tmp_path: Path) -> None:
    options = {**APP, "formats": ["tar", "squashfs", "oci"]}
    first = build(site, kept, "twice", **options)
    known = outputs(first["path"])
    assert len(known) == 7  # image.tar, image.squashfs, and of the layout three blobs, index.json and oci-layout
    other = store_.Store(str(tmp_path / "other"))
    other.make()
    base = json.loads(Path(first["path"], "manifest.json").read_text())["layers"][0]["key"]
    subprocess.run(["cp", "-a", os.path.join(kept, "layers", base), other.layer(base)], check=True)
    time.sleep(1.1)  # another second, which would show in whatever keeps one
    second = build(site, other.path, "twice", **options)
    assert second["id"] == first["id"] and outputs(second["path"]) == known
    engine = subprocess.run(["skopeo", "inspect", "--raw", f"oci:{first['path']}/oci:twice"], capture_output=True, text=True)
    assert engine.returncode == 0, engine.stderr
    copied = subprocess.run(["skopeo", "copy", "-q", f"oci:{first['path']}/oci:twice", f"dir:{tmp_path}/copied"], capture_output=True, text=True)
    assert copied.returncode == 0, copied.stderr


def test_podman_runs_the_layout(site: Site, kept: str, tmp_path: Path) -> None:
    """Another engine takes it as it is: its config, its files with their owners."""
    config = {"Cmd": ["sh", "-c", "stat -c %U:%a /srv/app.txt; cat /srv/app.txt; echo $MADE"], "Env": ["MADE=by fleet", "PATH=/usr/bin:/bin"]}
    site.write("engine.yml", json.dumps({**APP, "formats": ["oci"], "config": config}))
    built = build(site, kept, "engine", recipe=str(site.path / "engine.yml"))
    short = Path(f"/tmp/fleet-podman-{os.getpid()}")  # short for its runroot; and it calls an image after its place: no digest, no capitals
    short.mkdir()
    (short / "layout").symlink_to(built["path"] + "/oci")
    podman = ["podman", f"--root={tmp_path}/root", f"--runroot={short}/run", "--storage-driver=vfs", "--events-backend=file", "--cgroup-manager=cgroupfs",
              "--runtime=crun"]
    script = """umount /sys/fs/cgroup/unified 2>/dev/null  # the hybrid one, which crun stumbles over
        id=$("$@" pull -q oci:$LAYOUT:engine) && "$@" run --rm --network=none --cgroups=disabled --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 $id"""
    done = subprocess.run(["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "sh", *podman], capture_output=True, text=True,
                          env={**os.environ, "LAYOUT": f"{short}/layout"})
    shutil.rmtree(short, ignore_errors=True)
    assert (done.returncode, done.stdout) == (0, "app:640\nHello\nby fleet\n"), done.stderr


def outputs(path: str) -> dict[str, str]:
    return {str(each.relative_to(path)): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted(Path(path).rglob("*"))
            if each.is_file() and each.name != "manifest.json" and each.relative_to(path).parts[0] not in ("tree", "names")}


def test_verify(site: Site, kept: str) -> None:
    """0 changed when the steps are applied again; what was tampered with and what changes each time are named."""
    built = build(site, kept, **APP)
    assert succeeded(image(site, kept, **APP, state="verified"))["verified"] is True
    victim = Path(built["tree"], "srv/app.txt")
    victim.write_text("Other\n")
    assert "the tree is not what was sealed" in image(site, kept, **APP, state="verified").results()[-1].result["msg"]
    victim.write_text("Hello\n")
    assert succeeded(image(site, kept, **APP, state="verified"))["verified"] is True
    site.write("again.yml", f"base: {json.dumps(BASE)}\ntasks:\n  - shell: date >> /etc/dates\n")
    build(site, kept, "again", recipe=str(site.path / "again.yml"))
    message = image(site, kept, "again", recipe=str(site.path / "again.yml"), state="verified").results()[-1].result["msg"]
    assert "1 tasks change the image again" in message and "again.yml:3" in message
    assert leaks(kept) == []


def test_baked_and_run_give_the_same_tree(site: Site, kept: str, tmp_path: Path) -> None:
    """One role on a plain image's clone at run time, through the connection of a container, and at build time: the same files."""
    plain = build(site, kept, "plain", base=BASE)
    baked = build(site, kept, **APP)
    clone = tmp_path / "clone"
    subprocess.run(["cp", "-a", plain["tree"], clone], check=True)
    shutil.copyfile("/etc/resolv.conf", clone / "etc/resolv.conf")
    site.write("hosts", f"a ansible_connection=local\nc ansible_connection=container fleet_on=a fleet_container=none-such fleet_root={clone}\n")
    site.write("roles/app/tasks/main.yml", "- apt: {update_cache: true}\n  changed_when: false\n  when: inventory_hostname == 'c'\n" + ROLE)
    seen = site.run("- hosts: c\n  roles: [app]\n  vars: {greeting: Hello}\n")
    assert seen.status == 0, [e.result.get("msg") for e in seen.results() if e.status == "failed"]
    assert difference(Path(baked["tree"]), clone) == []


# What a live system keeps and an image does not: see fleet/modules/_image_clean.py.
_OF_THE_MOMENT = ("var/lib/apt/lists", "var/cache/apt", "var/log", "etc/resolv.conf", "etc/.pwd.lock", "var/cache/ldconfig", "var/lib/dpkg/lock",
                  "var/lib/dpkg/triggers/Lock", "var/cache/debconf", "var/lib/dpkg/status-old", "var/lib/apt/extended_states", "run", "dev", "tmp")


def difference(one: Path, two: Path) -> list[str]:
    """Where two trees differ in names, kinds, modes, owners, contents or link targets."""
    def seen(root: Path) -> dict[str, Any]:
        found = {}
        for name, entry in store_.walk(str(root)):
            if name.startswith(_OF_THE_MOMENT) or name.endswith(("-old", "~")):
                continue
            now = entry.stat(follow_symlinks=False)
            content: Any = os.readlink(entry.path) if entry.is_symlink() else Path(entry.path).read_bytes() if entry.is_file() else None
            if name == "etc/shadow":  # the day of a password's last change
                content = re.sub(rb"(?m)^((?:[^:]*:){2})\d*", rb"\1", content)
            found[name] = (oct(now.st_mode), now.st_uid, now.st_gid, content)
        return found
    left, right = seen(one), seen(two)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


# -- bases


def test_base_from_a_tar_a_layout_and_an_image(site: Site, kept: str, tmp_path: Path) -> None:
    source = build(site, kept, "source", base=BASE, formats=["tree", "tar", "oci"])
    names = {}
    for name, base in {"t": {"tar": source["path"] + "/image.tar"}, "o": {"oci": source["path"] + "/oci"}, "i": {"image": "source"}}.items():
        site.write(f"{name}.yml", f"base: {json.dumps(base)}\ntasks:\n  - copy: {{content: x, dest: /etc/x}}\n")
        built = build(site, kept, name, recipe=str(site.path / f"{name}.yml"))
        assert Path(built["tree"], "etc/x").read_text() == "x"
        names[name] = store_.manifest(built["path"])["tree_digest"]
        assert not image(site, kept, name, recipe=str(site.path / f"{name}.yml")).results()[-1].result["changed"]
    assert len(set(names.values())) == 1  # device nodes are in none of them: what comes from outside brings none
    assert leaks(kept) == []


HOSTILE = {
    "dotdot": [("../../../../../outside", "x")], "absolute": [("/../../outside", "x")],
    "through a link": [("etc", "->/tmp"), ("etc/outside", "x")], "through a parent": [("a", "->../../../../.."), ("a/tmp/outside", "x")],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_stays_in_its_root(site: Site, kept: str, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in [("bin", "x"), *HOSTILE[kind], ("dev", "")]:
            member = tarfile.TarInfo(name)
            if content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:]
            member.size = len(content) if not member.issym() else 0
            archive.addfile(member, io.BytesIO(content.encode()))
        node = tarfile.TarInfo("sda")
        node.type, node.devmajor, node.devminor = tarfile.BLKTYPE, 8, 0
        archive.addfile(node)
    outside = [Path("/outside"), Path("/tmp/outside")]
    seen = image(site, kept, "hostile", base={"tar": str(path)})
    assert not any(each.exists() for each in outside)
    if seen.status == 0:
        tree = Path(succeeded(seen)["tree"])
        assert not os.path.lexists(tree / "sda")
    else:
        assert "the archive has a name that leads" in seen.results()[-1].result["msg"]
    assert leaks(kept) == []


def test_a_damaged_layout_is_refused(site: Site, kept: str, tmp_path: Path) -> None:
    source = build(site, kept, "unread", **APP, formats=["oci"])  # no other test has made a base of this one
    layout = tmp_path / "layout"
    shutil.copytree(source["path"] + "/oci", layout)
    layer = max((layout / "blobs/sha256").iterdir(), key=lambda each: each.stat().st_size)
    with layer.open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"damage")
    assert "is damaged" in image(site, kept, "damaged", base={"oci": str(layout)}).results()[-1].result["msg"]


def test_base_from_a_disk(site: Site, kept: str, tmp_path: Path) -> None:
    """A cloud image is a disk with partitions: its root filesystem is found and taken, without a loop device left behind."""
    source = build(site, kept, "source", base=BASE)
    raw = tmp_path / "cloud.raw"
    subprocess.run(["truncate", "-s", "700M", raw], check=True)
    subprocess.run(["sfdisk", "-q", raw], input="label: gpt\nsize=8MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n"
                   "type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n", text=True, check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", f"offset={9 << 20}", "-d", source["tree"], raw, "680M"], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, tmp_path / "cloud.qcow2"], check=True)
    built = build(site, kept, "cloud", base={"disk": str(tmp_path / "cloud.qcow2")})
    assert [name for name in difference(Path(source["tree"]), Path(built["tree"])) if name != "lost+found"] == []
    assert leaks(kept) == []


# -- faults


def test_a_failed_step_leaves_nothing_and_the_next_run_goes_on(site: Site, kept: str) -> None:
    site.write("roles/bad/tasks/main.yml", "- command: /bin/false\n")
    seen = image(site, kept, "broken", base=BASE, roles=["app", "bad"], vars={"greeting": "Hello"})
    assert seen.status == 2 and "image broken: bad:" in seen.results()[-1].result["msg"]
    assert leaks(kept) == [] and "broken" not in store_.Store(kept).names()
    site.write("roles/bad/tasks/main.yml", "- command: /bin/true\n")
    seen = image(site, kept, "broken", base=BASE, roles=["app", "bad"], vars={"greeting": "Hello"})
    assert succeeded(seen)["changed"]
    assert {e.name for e in seen.results() if e.host == "broken"} == {"Gathering facts", "command /bin/true"}  # `app` was there already


def test_killed_at_any_time(site: Site, kept: str, tmp_path: Path) -> None:
    """The controller is killed at moments spread over a build, or it and all it had started, as when the host goes down. Whatever is left, no mount is,
    no half image has a name, and the next one converges."""
    site.write("roles/slow/tasks/main.yml", "- copy: {content: '{{ greeting }}', dest: /etc/slow}\n- command: sleep 0.3\n")
    store = store_.Store(kept)
    wanted = {"base": BASE, "roles": ["slow"], "formats": ["tree", "tar"]}
    for number, moment in enumerate((0.5, 0.9, 1.2, 1.6, 2.2, 3.0, 4.0)):
        task = {"image": {"name": "killed", "store": kept, "vars": {"greeting": str(moment)}, **wanted}}
        book = site.write("killed.yml", f"- hosts: a\n  gather_facts: false\n  tasks:\n    - {json.dumps(task)}\n")
        process = subprocess.Popen([sys.executable, "-m", "fleet", "apply", "-i", str(site.path / "hosts"), "--no-journal", book],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=site.path)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            for pid in [process.pid, *(descendants(process.pid) if number % 2 else [])]:
                os.kill(pid, signal.SIGKILL)
            process.wait()
        id_ = store.names().get("killed")
        assert id_ is None or store_.manifest(store.image(id_)).get("id") == id_
        built = build(site, kept, "killed", **wanted, vars={"greeting": str(moment)})
        assert Path(built["tree"], "etc/slow").read_text() == str(moment)
        assert leaks(kept) == []


def descendants(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob(f"{pid}/task/*/children"):
        for child in path.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def test_gc_keeps_what_is_used(site: Site, kept: str) -> None:
    build(site, kept, "one", base=BASE, vars={"greeting": "1"}, roles=["app"])
    second = build(site, kept, "one", base=BASE, vars={"greeting": "2"}, roles=["app"])
    built = {event.result["id"] for event in image(site, kept, "two", base={"image": "one"}).results() if isinstance(event, TaskResult)}
    site.run(f"- hosts: a\n  gather_facts: false\n  tasks:\n    - image: {{name: one, store: {kept}, state: absent}}\n")
    store = store_.Store(kept)
    assert "one" not in store.names() and set(store.ids()) >= {second["id"], *built}  # `two` is built upon it
    site.run(f"- hosts: a\n  gather_facts: false\n  tasks:\n    - image: {{name: two, store: {kept}, state: absent}}\n")
    assert not set(store.ids()) & built
    assert image(site, kept, "one", state="absent").results()[-1].result["changed"] is False


# -- from the network, and bootable


def test_a_cloud_image_from_the_network(site: Site, kept: str, tmp_path: Path) -> None:
    """Fetched by the host or by the controller, verified, kept; check mode fetches nothing."""
    source = build(site, kept, "source", base=BASE)
    folder = tmp_path / "served"
    folder.mkdir()
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", source["tree"], folder / "cloud.raw", "500M"], check=True)
    digest = hashlib.sha256((folder / "cloud.raw").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  cloud.raw\n")
    with served(folder) as (url, asked):
        for by in ("host", "controller"):
            site.write(f"{by}.yml", f"base: {{disk: {url}/cloud.raw, checksum: 'sha256:{url}/SHA256SUMS', fetch_by: {by}}}\n"
                       f"tasks:\n  - copy: {{content: {by}, dest: /etc/by}}\n")
            options = {"recipe": str(site.path / f"{by}.yml")}
            os.environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
            try:
                assert succeeded(image(site, kept, by, check=True, **options))["changed"] and "/cloud.raw" not in asked
                built = build(site, kept, by, **options)
                assert Path(built["tree"], "etc/by").read_text() == by
                assert not succeeded(image(site, kept, by, **options))["changed"]
            finally:
                del os.environ["XDG_CACHE_HOME"]
            assert asked.count("/cloud.raw") == 1
            asked.clear()
        site.write("wrong.yml", f"base: {{disk: {url}/cloud.raw, checksum: 'sha256:{'0' * 64}'}}\n")
        assert "is not what it should be" in image(site, kept, "wrong", recipe=str(site.path / "wrong.yml")).results()[-1].result["msg"]
    assert leaks(kept) == []


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """A directory over HTTP on the loopback; the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_request(self, *args: Any) -> None:
            asked.append(self.path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


@pytest.mark.timeout(900)
def test_a_disk_that_boots_by_bios_and_by_uefi(site: Site, kept: str, tmp_path: Path) -> None:
    """What the role enabled is up in both."""
    site.write("roles/hello/tasks/main.yml", """
        - copy:
            dest: /etc/systemd/system/hello.service
            content: |
              [Service]
              Type=oneshot
              StandardOutput=tty
              TTYPath=/dev/ttyS0
              ExecStart=/bin/echo FLEET-BOOTED {{ greeting }}
              [Install]
              WantedBy=multi-user.target
        - systemd: {name: hello, enabled: true, state: started, daemon_reload: true}
        """)
    built = build(site, kept, "boots", base=BASE, roles=["hello"], vars={"greeting": "Hello"}, formats=["qcow2"], size="1500M")
    assert store_.manifest(built["path"])["outputs"].keys() == {"image.qcow2"}
    machines = []
    for name, firmware in {"bios": [], "uefi": ["-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd"]}.items():
        disk, log = tmp_path / f"{name}.qcow2", tmp_path / f"{name}.log"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", built["path"] + "/image.qcow2", "-F", "qcow2", disk], check=True)
        machines.append((log, subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35", "-m", "384", "-cpu", "max", "-display", "none", "-no-reboot", "-monitor", "none", "-serial", f"file:{log}",
             "-drive", f"file={disk},if=virtio,cache=unsafe", *firmware], stdin=subprocess.DEVNULL)))
    try:
        end = time.monotonic() + 600
        while time.monotonic() < end and not all(log.exists() and b"FLEET-BOOTED Hello" in log.read_bytes() for log, _ in machines):
            assert all(process.poll() is None for _, process in machines)
            time.sleep(0.5)
        for log, _ in machines:
            assert b"FLEET-BOOTED Hello" in log.read_bytes(), log.read_bytes()[-2000:]
    finally:
        for _, process in machines:
            process.kill()
            process.wait()

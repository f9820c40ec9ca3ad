"""One image and what is made of it: the same files baked and run wherever a role can run, fifty clones, replaced in batches, collected when unused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleet.events import ResultItem
from fleet.modules import _image_store as store_
from tests.engine.harness import Site
from tests.virt.conftest import Hypervisor, Machine, succeeded
from tests.virt.containersite import BACKENDS, HOME, Containers, ContainerSite, boxes, containers
from tests.virt.test_image import APP, BASE, ROLE, build, difference

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
# What a role made, apart from what is the base's: its files, their modes, owners and contents.
MADE = ["/srv/app.txt", "/srv/link", "/etc/cron.d/tidy", "/usr/bin/less", "/etc/motd"]


def local(path: Path) -> Site:
    """A directory of its own for what builds images on this machine."""
    path.mkdir(exist_ok=True)
    site = Site(path)
    site.write("roles/app/tasks/main.yml", ROLE)
    return site


def on_target(place: str) -> str:
    """The role where a system runs: the lists of packages are its own to bring."""
    return f"- hosts: {place}\n  pre_tasks:\n    - apt: {{update_cache: true}}\n      changed_when: false\n  roles: [app]\n  vars: {{greeting: Hello}}\n"


@pytest.mark.parametrize("backend", BACKENDS)
def test_baked_and_run_in_a_container(boxes: ContainerSite, containers: Containers, kept: str, tmp_path: Path, backend: str) -> None:
    site = local(tmp_path / "image")
    plain, baked = build(site, kept, "plain", base=BASE), build(site, kept, **APP)
    short = f"same-{backend}"
    boxes.target(short)
    made = boxes.declare(short, image=plain["path"], backend=backend, command=["sleep", "1000"], state="running", unprivileged=False, clone="copy")
    boxes.write("roles/app/tasks/main.yml", ROLE)
    seen = boxes.run(on_target(short))
    assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
    assert boxes.run(on_target(short)).stats[short].changed == 0
    boxes.declare(short, image=plain["path"], backend=backend, state="stopped", command=["sleep", "1000"], unprivileged=False, clone="copy")
    # A running container has a name, name servers and mount points of its own.
    own = ("etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", "proc", "sys", "dev")
    assert [name for name in difference(Path(baked["tree"]), Path(made["root"])) if not name.startswith(own)] == []
    boxes.declare(short, state="absent")


def facts_of(site: Site, place: str, made: list[str] = MADE) -> dict[str, Any]:
    """What the role made on an inventory host, as the module `stat` tells it."""
    seen = site.run(f"- hosts: {place}\n  gather_facts: false\n  tasks:\n    - stat: {{path: '{{{{ item }}}}'}}\n      loop: {json.dumps(made)}\n")
    found = {}
    assert seen.status == 0, seen.error
    for item in (event for event in seen.events if isinstance(event, ResultItem)):
        stat = item.result["stat"]
        found[item.label] = (stat.get("mode"), stat.get("pw_name"), stat.get("gr_name"), stat.get("lnk_source") and stat["lnk_target"], stat.get("checksum"))
    return found


def facts_in(tree: Path, made: list[str] = MADE) -> dict[str, Any]:
    """The same of an image's tree."""
    from fleet.runner.files import digest
    names = {int(line.split(":")[2]): line.split(":")[0] for line in (tree / "etc/passwd").read_text().splitlines()}
    groups = {int(line.split(":")[2]): line.split(":")[0] for line in (tree / "etc/group").read_text().splitlines()}
    found = {}
    for name in made:
        path = tree / name[1:]
        now = path.lstat()
        link = os.readlink(path) if path.is_symlink() else None
        found[name] = (f"{now.st_mode & 0o7777:04o}", names[now.st_uid], groups[now.st_gid], link, None if link else digest(str(path)))
    return found


def test_baked_and_run_on_a_host(site: Site, kept: str, tmp_path: Path) -> None:
    baked = build(local(tmp_path / "image"), kept, **APP)
    site.write("roles/app/tasks/main.yml", ROLE)
    for place in ("hv1",):
        before = facts_of(site, place)["/etc/motd"]
        seen = site.run(on_target(place))
        assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
        wanted = facts_in(Path(baked["tree"]))
        found = facts_of(site, place)
        if before[4] != "":  # the base's own message of the day differs from machine to machine
            wanted.pop("/etc/motd")
            found.pop("/etc/motd")
        assert found == wanted, place


@pytest.mark.timeout(900)
def test_baked_and_run_in_a_guest(site: Site, fresh_guest: Machine, hypervisors: dict[str, Hypervisor], image: str, tmp_path: Path) -> None:
    """A role applied to a guest gives the files that it has baked. Moved to the baked image, the same guest boots with nothing left to do; and so does
    one that is made only to prove the image, on the other hypervisor meanwhile."""
    store = str(Path(image).parent)
    role = "".join(line + "\n" for line in ROLE.splitlines() if "apt:" not in line)  # g1 has no way to the mirror
    here = local(tmp_path / "image")
    for each in (here, site):
        each.write("roles/app/tasks/main.yml", role)
    options = {"store": store, "name": "baked", **APP, "formats": ["tree", "disk"], "size": "1500M"}
    baked = build(here, **options)
    apply = "- hosts: g1\n  roles: [app]\n  vars: {greeting: Hello}\n"
    made = [name for name in MADE if name != "/usr/bin/less"]
    wanted = facts_in(Path(baked["tree"]), made)
    try:
        seen = site.run(apply)
        assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
        assert seen.stats["g1"].changed >= 5 and facts_of(site, "g1", made) == wanted
        identity = fresh_guest.domain.UUIDString(), sorted(re.findall("mac address='(.*)'", fresh_guest.domain.XMLDesc()))
        rollout = {"image": "baked", "store": store, "guests": ["g1"], "wait": "ssh", "check": ["test", "-e", "/srv/app.txt"], "delay": 0.5, "retries": 60,
                   "timeout": 400}
        seen = site.run("- hosts: hv1:hv2\n  strategy: free\n  gather_facts: false\n  tasks:\n"
                        f"    - guest_rollout: {json.dumps(rollout)}\n      when: inventory_hostname == 'hv1'\n"
                        f"    - image: {json.dumps({**options, 'state': 'verified', 'boot': True})}\n      when: inventory_hostname == 'hv2'\n")
        assert seen.status == 0, [event.result.get("msg") for event in seen.results()]
        assert [event.result["replaced"] for event in seen.results("hv1") if "replaced" in event.result] == [["g1"]]
        assert [event.result["id"] for event in seen.results("hv2") if event.result.get("verified")] == [baked["id"]]
        assert [event.status for event in seen.results("baked")].count("ok") >= 6, "its role was applied in that guest"
        assert not [each.name() for each in hypervisors["hv2"].connection.listAllDomains() if each.name().startswith("verify")]
        assert identity == (fresh_guest.domain.UUIDString(), sorted(re.findall("mac address='(.*)'", fresh_guest.domain.XMLDesc())))
        again = site.run(apply)  # its host key is checked, and the same
        assert (again.status, again.stats["g1"].changed) == (0, 0), [(event.name, event.status) for event in again.results()]
        assert facts_of(site, "g1", made) == wanted
    finally:
        fresh_guest.fresh()


def test_fifty_clones_and_who_is_stale(boxes: ContainerSite, containers: Containers, kept: str, tmp_path: Path) -> None:
    site = local(tmp_path / "image")
    first = build(site, kept, "many", **{**APP, "vars": {"greeting": "one"}})
    names = [containers.name(f"many{number}") for number in range(50)]
    book = ("- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container: {name: '{{ item }}', image: %s, state: %s}\n      loop: " + json.dumps(names) + "\n")
    seen = boxes.run(book % (f"{kept}/many", "present"))
    assert seen.status == 0 and len(containers.names()) >= 50
    assert boxes.run(book % (f"{kept}/many", "present")).stats["hv1"].changed == 0
    second = build(site, kept, "many", **{**APP, "vars": {"greeting": "two"}})
    listed = {image["id"]: image for image in task(boxes, "_image_list", store=kept)["images"]}
    assert listed[first["id"]]["stale"] and not listed[second["id"]]["stale"]
    assert [user for user in listed[first["id"]]["users"] if user.startswith("container ")] == sorted(f"container {name}" for name in names)
    task(boxes, "_image_gc", store=kept, keep=0)
    assert set(store_.Store(kept).ids()) >= {first["id"], second["id"]}, "what containers are made of stays"
    # A clone stays what it was made of, though the name stands for another image by now.
    assert json.loads((HOME / names[0] / "container.json").read_text())["image"] == first["path"]
    assert boxes.run(book % (f"{kept}/many", "absent")).status == 0
    task(boxes, "_image_gc", store=kept, keep=0)
    assert first["id"] not in store_.Store(kept).ids() and second["id"] in store_.Store(kept).ids()


def task(site: Site, module: str, ok: bool = True, **args: Any) -> dict[str, Any]:
    from fleet.api import run_playbook
    from fleet.errors import Pos
    from fleet.events import TaskResult
    from fleet.model import Play, Playbook, Task
    from fleet.options import RunOptions
    from fleet.settings import load_settings
    found: list[TaskResult] = []
    play = Play(Pos("test"), "hv1", name="test", tasks=[Task(Pos("test"), module, args)], gather_facts=False, basedir=str(site.path))
    outcome = run_playbook([], RunOptions(inventory=(str(site.path / "hosts"),)), load_settings(site.path), check=False, command="apply",
                           subscribers=[lambda event: found.append(event) if isinstance(event, TaskResult) else None], books=[Playbook("(test)", [play])])
    assert not ok or outcome.status == 0, found[-1].result if found else outcome.error
    return dict(found[-1].result)


def test_rollout(boxes: ContainerSite, containers: Containers, kept: str, tmp_path: Path) -> None:
    """Batch by batch to the newer image; a bad batch is made what it was, and those after it are not touched."""
    site = local(tmp_path / "image")
    build(site, kept, "a-twin", base=BASE, roles=["app"], vars={"greeting": "two"})  # one image by two names: its containers are found by both
    images = [build(site, kept, "service", base=BASE, roles=["app"], vars={"greeting": greeting}) for greeting in ("one", "two", "bad")]
    assert len({image["id"] for image in images}) == 3
    task(boxes, "_image_seal", store=kept, id=images[0]["id"], name="service")
    names = [containers.name(f"roll{number}") for number in range(4)]
    for name in names:
        succeeded(boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container: {{name: {name}, image: {kept}/service, "
                            f"command: [sleep, '1000'], state: {'present' if name == names[3] else 'running'}, volumes: {{/data: {name}}}}}\n"))
    pids = [state(name) for name in names]
    check = ["grep", "-q", "two", "/srv/app.txt"]
    rollout = {"image": images[1]["id"], "store": kept, "batch": "50%", "check": check, "retries": 2, "delay": 0.1}
    plan = boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - rollout: {json.dumps(rollout)}\n", check=True)
    assert plan.results()[-1].result["changed"] and [state(name) for name in names] == pids
    assert task(boxes, "rollout", **rollout)["replaced"] == names
    assert [made_of(name) for name in names] == [images[1]["id"]] * 4
    assert [bool(state(name)) for name in names] == [True, True, True, False], "one that did not run is not started"
    assert not task(boxes, "rollout", **rollout)["changed"]
    task(boxes, "_image_seal", store=kept, id=images[1]["id"], name="service")
    seen = boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container: {{name: {names[0]}, image: {kept}/service, "
                     f"command: [sleep, '1000'], state: running, volumes: {{/data: {names[0]}}}}}\n")
    assert not succeeded(seen)["changed"] and "warnings" not in succeeded(seen), "the image by its name is what it was moved to by its id"
    failed = task(boxes, "rollout", ok=False, **{**rollout, "image": images[2]["id"], "batch": "1"})
    assert failed["failed"] and "batch 1 of 4 is bad" in failed["msg"] and "its check fails" in failed["msg"]
    assert (failed["replaced"], failed["rolled_back"], failed["remaining"]) == ([], names[:1], names[1:])
    assert [made_of(name) for name in names] == [images[1]["id"]] * 4 and state(names[0])
    killed(boxes, names, {**rollout, "image": images[0]["id"], "batch": "2", "check": ["true"]})
    assert [made_of(name) for name in names] == [images[0]["id"]] * 4 and [bool(state(name)) for name in names] == [True, True, True, False]
    for name in names:
        succeeded(boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container: {{name: {name}, state: absent, purge: true}}\n"))
    assert containers.leaks("roll") == []


def killed(boxes: ContainerSite, names: list[str], rollout: dict[str, Any]) -> None:
    """A controller that is killed again and again while it replaces containers, and the last one that is left alone."""
    book = boxes.write("rollout.yml", f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - rollout: {json.dumps(rollout)}\n")
    command = [sys.executable, "-m", "fleet", "apply", "-i", str(boxes.path / "hosts"), "--no-journal", book]
    for moment in (0.9, 1.2, 1.5, 1.9):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def made_of(name: str) -> str:
    return str(json.loads((HOME / name / "container.json").read_text())["image_id"])


def state(name: str) -> Any:
    from fleet.runner import container
    found = container.state(name)
    return found and found["pid"]

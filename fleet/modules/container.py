"""Containers of the host: a root cloned from an image's tree, and one program (or an init) supervised in namespaces of its own."""
import json
import os
import shutil
import signal
import time
from typing import Any, Dict, Iterator, List, Optional

from fleet.modules import _container
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "container", "Declare a chroot or systemd-nspawn container on a host",
    {
        "name": Opt("str", "The container's name.", required=True),
        "state": Opt("str", "running: its program runs; present: its root is there; stopped: there and not running; absent: nothing is left.",
                     default="present", choices=["running", "present", "stopped", "absent"]),
        "backend": Opt("str", "chroot: own mount, PID, IPC and UTS namespaces; nspawn: systemd-nspawn's isolation.", default="chroot",
                       choices=["chroot", "nspawn"]),
        "image": Opt("path", "Directory of an image with a tree, as the `image` module builds it."),
        "clone": Opt("str", "overlay keeps only what differs from the image; copy copies it; auto takes an overlay where the filesystem can.",
                     default="auto", choices=["auto", "overlay", "copy"]),
        "command": Opt("list", "The program to run, with its arguments; a string is split as a shell does.", elements="str"),
        "boot": Opt("bool", "Run the container's own init instead (nspawn).", default=False),
        "binds": Opt("dict", "Directories of the host to show inside: path inside -> path on the host, with `:ro` at its end for read-only.", default={}),
        "network": Opt("str", "host: the host's network; none: only a loopback.", default="host", choices=["host", "none"]),
        "hostname": Opt("str", "Host name inside; by default the container's name."),
        "timeout": Opt("float", "Seconds its program has to end when it is stopped.", default=10.0),
    },
    returns={
        "name": Ret("str", "The container."), "root": Ret("path", "Its root directory on the host."), "running": Ret("bool", "Whether its program runs."),
        "pid": Ret("int", "The host's process id of its first process.", "running"), "log": Ret("path", "What its program writes."),
    },
    mutually_exclusive=[("command", "boot")],
    examples="- container:\n    name: web\n    backend: nspawn\n    image: /var/lib/fleet/images/debian\n    command: busybox httpd -f -p 8080 -h /srv/www\n"
             "    state: running\n",
    notes=["An inventory host with `fleet_on: HOST` and `fleet_container: NAME` is this container: plays reach it through its host, and nothing is needed "
           "inside, neither sshd nor Python."],
)
HOME = _container.HOME


def run(m):
    # type: (Module) -> Any
    args = m.args
    name = args.name
    if not _container.NAME.match(name):
        m.fail("'%s' cannot be the name of a container: letters, digits, '.', '_' and '-', beginning with a letter or digit" % name)
    running = _container.running(name)
    if args.state == "absent":
        return (yield from absent(m, name, running))
    if args.state == "running" and not args.command and not args.boot:
        m.fail("a running container needs a command or boot: true", name=name)
    if args.boot and args.backend != "nspawn":
        m.fail("boot needs the backend nspawn", name=name)
    root = os.path.join(HOME, name, "root")
    yield from present(m, name, root)
    declared = {key: args[key] for key in ("backend", "command", "boot", "binds", "network", "hostname", "image")}
    known = _container.declaration(name)
    different = [key for key in declared if known is not None and known.get(key) != declared[key]]
    for number, key in enumerate(different, 1):
        yield Change(key, known.get(key) if known else None, declared[key], (lambda: save(m, name, declared)) if number == len(different) else None)
    if known is None and not m.check:
        save(m, name, declared)
    if running and (args.state == "stopped" or (args.state == "running" and different)):
        yield Change("running", True, False, lambda: stop(m, name))
        running = None
    if args.state == "running" and not running:
        running = yield Change("running", False, True, lambda: start(m, name, root))
    result = {"name": name, "root": root, "running": bool(running), "log": os.path.join(HOME, name, "log")}
    if running:
        result["pid"] = running["pid"]
    return result


def present(m, name, root):
    # type: (Module, str, str) -> Iterator[Change]
    """The root directory: an overlay that is mounted, or a copy."""
    base = os.path.join(HOME, name)
    overlay = os.path.isdir(os.path.join(base, "upper"))
    if os.path.isdir(os.path.join(root, "etc")):
        return
    tree = os.path.join(m.args.image, "tree") if m.args.image else None
    if overlay and tree:
        yield Change("root of " + name, "not mounted", "mounted", lambda: mount(m, base, tree))
        return
    if tree is None:
        m.fail("the container %s does not exist, and no image says what to make it of" % name, name=name)
    if not os.path.isdir(str(tree)) and not m.check:
        m.fail("there is no image with a tree at %s; build it with the `image` module and formats: [tree]" % m.args.image, name=name)
    yield Change("container " + name, "absent", "present", lambda: make(m, base, str(tree)))


def make(m, base, tree):
    # type: (Module, str, str) -> None
    os.makedirs(os.path.join(base, "root"), exist_ok=True)
    if m.args.clone in ("auto", "overlay"):
        for part in ("upper", "work"):
            os.makedirs(os.path.join(base, part), exist_ok=True)
        try:
            mount(m, base, tree)
            return
        except Exception:
            if m.args.clone == "overlay":
                raise
            for part in ("upper", "work"):
                shutil.rmtree(os.path.join(base, part))
    work = os.path.join(base, "root.copying")
    if os.path.isdir(work):
        shutil.rmtree(work)
    m.run(["cp", "-a", "--reflink=auto", tree, work], ok=[0])
    os.rmdir(os.path.join(base, "root"))
    os.rename(work, os.path.join(base, "root"))


def mount(m, base, tree):
    # type: (Module, str, str) -> None
    options = "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (tree, base, base)
    m.run(["mount", "-t", "overlay", "overlay", "-o", options, os.path.join(base, "root")], ok=[0])


def save(m, name, declared):
    # type: (Module, str, Dict[str, Any]) -> None
    files.write(m, os.path.join(HOME, name, "container.json"), json.dumps(declared, indent=1, sort_keys=True), mode=0o644)


def start(m, name, root):
    # type: (Module, str, str) -> Dict[str, Any]
    """Start the program under its supervisor; returns its state once its first process is there."""
    args = m.args
    command = _container.command(args, name, root)
    log = os.path.join(HOME, name, "log")
    supervisor = _container.detached(command, log)
    end = time.time() + 10
    while time.time() < end:
        leader = _container.first_child(supervisor)
        if leader and _container.inside(leader, root):
            state = {"pid": leader, "started": _container.started(leader), "supervisor": supervisor, "root": root, "backend": args.backend}
            os.makedirs(_container.STATE, exist_ok=True)
            files.write(m, "%s/%s.json" % (_container.STATE, name), json.dumps(state), mode=0o644)
            time.sleep(0.2)  # a program that cannot even start is gone by then
            if _container.running(name):
                return state
        if not _container.alive(supervisor):
            break
        time.sleep(0.02)
    with open(log, "rb") as stream:
        tail = stream.read()[-1000:].decode("utf-8", "replace").strip()
    m.fail("the container %s did not start%s" % (name, ": " + tail if tail else ""), name=name)
    return {}


def stop(m, name):
    # type: (Module, str) -> None
    state = _container.running(name)  # type: Optional[Dict[str, Any]]
    if not state:
        return
    pids = [state["pid"], state["supervisor"]]  # type: List[int]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in (_container.children(state["pid"]) + pids):
            try:
                os.kill(pid, number)
            except OSError:
                pass
        end = time.time() + (m.args.timeout if number == signal.SIGTERM else 5)
        while time.time() < end and any(_container.alive(pid) for pid in pids):
            time.sleep(0.05)
        if not any(_container.alive(pid) for pid in pids):
            break
    try:
        os.unlink("%s/%s.json" % (_container.STATE, name))
    except OSError:
        pass


def absent(m, name, running):
    # type: (Module, str, Any) -> Any
    base = os.path.join(HOME, name)
    if running:
        yield Change("running", True, False, lambda: stop(m, name))
    if os.path.isdir(base):
        def remove():
            # type: () -> None
            root = os.path.join(base, "root")
            while os.path.ismount(root):
                m.run(["umount", root], ok=[0])
            with open("/proc/self/mountinfo") as mounts:
                below = [line for line in mounts if line.split()[4].startswith(base + "/")]
            if below:
                m.fail("something is still mounted below %s; it is not removed" % base)
            shutil.rmtree(base)
        yield Change("container " + name, "present", "absent", remove)
    return {"name": name, "root": os.path.join(base, "root"), "running": False}

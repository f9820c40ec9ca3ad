"""Containers of the host: one declaration over the back-ends chroot, systemd-nspawn, LXC and OCI (crun)."""
import os
import shutil
import stat
import time
from typing import Any, Dict, List

from fleet.modules import _container_life as life
from fleet.modules import _container_network as network
from fleet.modules import _container_root as roots
from fleet.modules import _container_unit as unit
from fleet.modules._container_supervise import BACKENDS, Failed, groups
from fleet.runner import container as known
from fleet.runner import namespace
from fleet.runner.container import Container
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

_HEALTH = {
    "command": Opt("list", "Run inside; status 0 is healthy. A single string is run by the container's shell.", elements="str", required=True),
    "interval": Opt("float", "Seconds between checks.", default=30.0),
    "timeout": Opt("float", "Seconds a check may take.", default=10.0),
    "retries": Opt("int", "Failures in a row that make it unhealthy.", default=3),
    "start_period": Opt("float", "Seconds after the start in which failures do not count.", default=0.0),
}
_NETWORK = {
    "bridge": Opt("str", "A bridge of the host.", required=True),
    "addresses": Opt("list", "Addresses with prefix length, such as 10.0.3.7/24.", elements="str", default=[]),
    "gateway": Opt("str", "Default route."),
    "interface": Opt("str", "The interface's name inside; eth0, eth1 ... by default."),
    "mac": Opt("str", "Its MAC address."),
    "mtu": Opt("int", "Its MTU."),
}
SPEC = Spec(
    "container", "Declare a container on a host",
    {
        "name": Opt("str", "The container's name.", required=True),
        "state": Opt("str", "running: its program runs; present: its root is there; stopped: there and not running; absent: nothing is left but volumes.",
                     default="present", choices=["running", "present", "stopped", "absent"]),
        "backend": Opt("str", "chroot needs nothing on the host; nspawn, lxc and crun (OCI) need their programs.", default="chroot",
                       choices=["chroot", "nspawn", "lxc", "crun"]),
        "image": Opt("path", "Directory of an image with a tree, as the `image` module builds it."),
        "clone": Opt("str", "The root: a btrfs snapshot, an overlay on the image, or a copy; auto takes the first that the host can.", default="auto",
                     choices=["auto", "btrfs", "overlay", "copy"]),
        "command": Opt("list", "The program to run, with its arguments; a string is split as a shell does.", elements="str"),
        "boot": Opt("bool", "Run the container's own init instead (nspawn, lxc): a system container.", default=False),
        "environment": Opt("dict", "Environment of its program.", default={}),
        "user": Opt("str", "Run the program as this user of the container (USER or USER:GROUP, names or numbers).", default="root"),
        "workdir": Opt("path", "Its working directory.", default="/"),
        "restart_policy": Opt("str", "Start its program again when it ends.", default="no", choices=["no", "on-failure", "always"]),
        "health": Opt("dict", "A check of its health. state: running waits until it is healthy; unhealthy programs are restarted by restart_policy.",
                      suboptions=_HEALTH),
        "autostart": Opt("bool", "The host's systemd starts it at boot, without a controller, and stops it at shutdown.", default=False),
        "timeout": Opt("float", "Seconds its program has to end when it is stopped, and to become healthy.", default=10.0),
        "log_size": Opt("bytes", "The log is turned over at this size; one old log is kept.", default="10M"),
        "binds": Opt("dict", "Directories or files of the host to show inside: path inside -> path on the host, with `:ro` at its end for read-only.",
                     default={}),
        "volumes": Opt("dict", "Data that outlives the container: path inside -> name of the volume, with `:ro` for read-only.", default={}),
        "purge": Opt("bool", "With state=absent: its volumes go too.", default=False),
        "tmpfs": Opt("list", "Places for a filesystem in memory.", elements="path", default=[]),
        "devices": Opt("list", "Devices of the host it may use; inside, their nodes are its root's, with the host's permissions.", elements="path", default=[]),
        "network": Opt("str", "host: the host's network; none: a loopback only, unless `networks` gives it interfaces.", default="host",
                       choices=["host", "none"]),
        "networks": Opt("list", "Interfaces on bridges of the host, in a network of its own.", elements="dict", suboptions=_NETWORK, default=[]),
        "dns": Opt("list", "Name servers.", elements="str", default=[]),
        "hostname": Opt("str", "Host name inside; by default the container's name."),
        "unprivileged": Opt("bool", "Its users, root too, are ordinary numbers on the host, a range of its own.", default=True),
        "cap_add": Opt("list", "Capabilities its root has beyond the usual ones; `all` for every one.", elements="str", default=[]),
        "cap_drop": Opt("list", "Capabilities its root does not have; `all` for none but those of cap_add.", elements="str", default=[]),
        "seccomp": Opt("str", "default: system calls that reach the kernel itself are refused.", default="default", choices=["default", "unconfined"]),
        "no_new_privileges": Opt("bool", "Set-user-id programs gain nothing.", default=False),
        "read_only": Opt("bool", "The root cannot be written; volumes and tmpfs can.", default=False),
        "memory": Opt("bytes", "Most memory."), "cpus": Opt("float", "Most processor time, in processors."),
        "cpu_shares": Opt("int", "Weight of its processor time, 2 to 262144; 1024 is usual."),
        "pids_limit": Opt("int", "Most processes and threads."),
        "device_read_bps": Opt("dict", "Most bytes a second read: block device, or a path on it -> rate.", default={}),
        "device_write_bps": Opt("dict", "Most bytes a second written.", default={}),
        "ulimits": Opt("dict", "Resource limits of its processes: name (nofile, nproc ...) -> value or SOFT:HARD.", default={}),
        "restart": Opt("bool", "Restart it when a change needs that; false leaves such changes pending.", default=True),
        "recreate": Opt("bool", "Make its root anew when a change needs that; what was written in it is lost, volumes are not.", default=False),
    },
    returns={
        "name": Ret("str", "The container."), "root": Ret("path", "Where its root is on the host."), "running": Ret("bool", "Whether its program runs."),
        "pid": Ret("int", "The host's process id of its first process.", "running"), "log": Ret("path", "What its program writes."),
        "health": Ret("str", "none, starting, healthy or unhealthy.", "running"), "clone": Ret("str", "How its root was made."),
        "ids": Ret("list", "First host id of its users and how many there are.", "unprivileged"),
        "effects": Ret("dict", "What each change takes: live, restart or recreate.", "changed"),
        "pending": Ret("dict", "Changes that wait for a restart or a recreation.", "there are any"),
    },
    mutually_exclusive=[("command", "boot")],
    examples="- container:\n    name: web\n    backend: nspawn\n    image: /var/lib/fleet/images/debian\n    command: busybox httpd -f -p 8080 -h /srv/www\n"
             "    volumes: {/srv/www: web-data}\n    memory: 256M\n    state: running\n",
    notes=["An inventory host with `fleet_on: HOST` and `fleet_container: NAME` is this container: plays reach it through its host, and nothing is needed "
           "inside, neither sshd nor Python."],
)
# What a change of an option takes. Everything else that is declared only concerns fleet itself and is just recorded.
EFFECTS = {
    "live": ["memory", "cpus", "cpu_shares", "pids_limit", "device_read_bps", "device_write_bps", "autostart", "timeout"],
    "restart": ["backend", "command", "boot", "environment", "user", "workdir", "restart_policy", "health", "log_size", "binds", "volumes", "tmpfs", "devices",
                "network", "networks", "dns", "hostname", "cap_add", "cap_drop", "seccomp", "no_new_privileges", "read_only", "ulimits"],
    "recreate": ["image", "clone", "unprivileged"],
}
EFFECT = {option: effect for effect, options in EFFECTS.items() for option in options}


def run(m):
    # type: (Module) -> Any
    args = m.args
    if not known.NAME.match(args.name):
        m.fail("'%s' cannot be the name of a container: letters, digits, '.', '_' and '-', beginning with a letter or digit" % args.name)
    c = known.load(args.name)
    running = known.state(args.name) if c else None
    again = bool(running) and args.state == "present"  # a restart, where one is needed, ends with it running
    if args.state == "absent":
        return (yield from absent(m, c, running))
    wanted = declared(m, c)
    refuse(m, wanted)
    effects, pending = {}, {}  # type: Dict[str, str], Dict[str, Any]
    if c is not None:
        yield from repaired(c)
        changes = differences(c, wanted)
        if any(change[1] == "recreate" for change in changes) and args.recreate:
            yield from stopping(m, c, running)
            running = None
            for option, effect, before, after in changes:
                effects[option] = effect
                yield Change("%s (%s)" % (option, effect), before, after)
            yield Change("root of " + c.name, "as it was", "made anew", lambda: remake(m, wanted))
            c = wanted
        else:
            running = yield from changed(m, c, wanted, changes, running, effects, pending)
    else:
        yield Change("container " + args.name, "absent", "present", lambda: create(m, wanted))
        c = wanted
    yield from unit.changes(m, c)
    running = yield from power(m, c, running, "running" if again else args.state)
    result = {"name": c.name, "root": c.own, "running": bool(running), "log": c.log, "clone": c.made.get("clone")}  # type: Dict[str, Any]
    result.update({key: value for key, value in (("effects", effects), ("pending", pending), ("ids", c.ids)) if value})
    if running and not (m.check and not running.get("pid")):
        result.update(pid=running["pid"], health=running.get("health", "none"))
    return result


def declared(m, c):
    # type: (Module, Any) -> Container
    """What the task declares, as it is recorded."""
    options = {key: m.args[key] for key in EFFECT}
    if c is not None and not options["image"]:
        options["image"] = c.options.get("image")
    if c is not None and options["clone"] == "auto":
        options["clone"] = c.options.get("clone", "auto")
    # An image's name moves on to what is built next; the root stays on what it was made of.
    image = os.path.realpath(options["image"]) if options["image"] else None
    made = {"format": 1, "options": options, "image": image, "ids": None, "id": c.made["id"] if c is not None else roots.new_id(),
            "clone": c.made["clone"] if c is not None else None}
    if options["unprivileged"]:
        made["ids"] = c.ids if c is not None and c.ids else roots.ids(m.args.name)
    if options["image"]:
        made["image_id"] = roots.image_id(options["image"])
    return Container(m.args.name, made)


def refuse(m, c):
    # type: (Module, Container) -> None
    """What cannot be, said before anything is done."""
    args, options = m.args, c.options
    backend = BACKENDS[options["backend"]]
    if args.state == "running" and not options["command"] and not options["boot"]:
        m.fail("a running container needs a command or boot: true", name=c.name)
    reason = unit.refuse(options)
    if reason:
        m.fail(reason, name=c.name)
    reason = backend.refuse(c)
    if reason:
        m.fail("the back-end %s cannot do that: %s" % (options["backend"], reason), name=c.name)
    if args.state == "running" and backend.REQUIRES and not shutil.which(backend.REQUIRES):
        m.fail("the back-end %s needs %s on the host, which is not installed" % (options["backend"], backend.REQUIRES), name=c.name)
    for option in ("cap_add", "cap_drop"):
        for name in options[option]:
            if name.upper().replace("CAP_", "") not in namespace.CAPABILITIES + ["ALL"]:
                m.fail("%s: there is no capability '%s'" % (option, name), name=c.name)
    for place, source, _, volume in known.sources(c):
        if not place.startswith("/") or "/../" in place + "/" or place == "/":
            m.fail("'%s' cannot be a place inside a container: an absolute path below / is wanted" % place, name=c.name)
        if volume and not (known.NAME.match(os.path.basename(source)) and os.path.dirname(source) == known.VOLUMES):
            m.fail("'%s' cannot be the name of a volume" % source[len(known.VOLUMES) + 1:], name=c.name)
        if not volume and not os.path.exists(source) and not m.check:
            m.fail("there is no %s on the host to show at %s" % (source, place), name=c.name)
    for path in options["devices"] if not m.check else ():
        if not os.path.exists(path) or stat.S_IFMT(os.stat(path).st_mode) not in (stat.S_IFCHR, stat.S_IFBLK):
            m.fail("there is no device %s on the host" % path, name=c.name)
    for text in [each for value in options["environment"].items() for each in value] + options["networks"] + [options["hostname"] or ""]:
        if any(letter in str(text) for letter in "\n\0"):
            m.fail("a line break cannot be in the environment, the networks or the host name of a container", name=c.name)
    if args.state == "running" and not m.check:
        for bridge in network.missing(options):
            m.fail("the host has no bridge '%s'" % bridge, name=c.name)


def differences(c, wanted):
    # type: (Container, Container) -> List[Any]
    """[(option, effect, before, after)] between what is recorded and what is declared."""
    found = []
    same = c.made.get("image_id") is not None and wanted.made.get("image_id") == c.made["image_id"]
    for option, effect in sorted(EFFECT.items()):
        before, after = c.options.get(option), wanted.options[option]
        if option == "image" and same:
            continue  # by its name, or by its id: one image
        if before != after and (after or option in c.options):  # one that is not recorded is younger than the container
            found.append((option, effect, before, after))
    if not any(change[0] == "image" for change in found) and wanted.made.get("image_id") != c.made.get("image_id"):
        found.append(("image", "recreate", c.made.get("image_id"), wanted.made.get("image_id")))
    return found


def repaired(c):
    # type: (Container) -> Any
    if c.made.get("clone") and not os.path.lexists(os.path.join(c.base, "upper" if c.made["clone"] == "overlay" else "root")):
        yield Change("root of " + c.name, "cut off in a rollback", "present", lambda: roots.repair(c))


def changed(m, c, wanted, changes, running, effects, pending):
    # type: (Module, Container, Container, List[Any], Any, Dict[str, str], Dict[str, Any]) -> Any
    """Bring an existing container to its declaration, as far as that is allowed; its state afterwards."""
    for option, effect, before, after in changes:
        if effect == "recreate" or (effect == "restart" and running and not m.args.restart):
            pending[option] = {"effect": effect, "before": before, "after": after}
    if any(each["effect"] == "recreate" for each in pending.values()):
        m.warn("%s of the container %s is not as declared; `recreate: true` makes its root anew, and what was written in it is lost"
               % (", ".join(key for key, each in pending.items() if each["effect"] == "recreate"), c.name))
    now = [change for change in changes if change[0] not in pending]
    restart = bool(running) and any(change[1] == "restart" for change in now)
    for option, effect, _, after in now:
        effects[option] = effect
        c.options[option] = after
    for number, (option, effect, before, after) in enumerate(now, 1):  # one writing of the declaration records them all
        yield Change("%s (%s)" % (option, effect), before, after, (lambda: record(m, c)) if number == len(now) else None)
    if restart:
        yield from stopping(m, c, running)
        return None
    if running:
        for option, _, before, after in groups(c).differing(c.options):
            effects[option] = "live"
            yield Change("%s of the running container" % option, before, after, lambda: groups(c).set(c.options))
    return running


def record(m, c):
    # type: (Module, Container) -> None
    roots.volumes(c)
    roots.save(m, c)


def create(m, c):
    # type: (Module, Container) -> None
    if not c.made["image"]:
        m.fail("the container %s does not exist, and no image says what to make it of" % c.name, name=c.name)
    if not os.path.isdir(os.path.join(c.made["image"], "tree")):
        m.fail("there is no image with a tree at %s; build it with the `image` module and formats: [tree]" % c.made["image"], name=c.name)
    c.made["image"] = os.path.realpath(c.made["image"])  # its root stays upon what it was made of, whatever the name stands for later
    roots.remove_tree(c.base + ".removing")
    roots.volumes(c)
    roots.make(m, c)
    if m.args.state != "running":
        roots.flush(c)  # otherwise while it starts


def remake(m, c):
    # type: (Module, Container) -> None
    known.release(c.name)
    roots.remove_tree(c.base)
    create(m, c)


def power(m, c, running, wanted):
    # type: (Module, Container, Any, str) -> Any
    """Start or stop it, as declared; its state afterwards."""
    if running and not known.supervised(running) and wanted == "running":
        yield Change("supervisor", "gone", "running", lambda: life.clean(c))
        running = None
    if wanted == "stopped":
        yield from stopping(m, c, running)
        return None
    if wanted == "running" and not running:
        running = yield Change("running", False, True, lambda: start(m, c))
        return running or {"pid": None}
    if wanted == "running" and c.options.get("health") and running["health"] != "healthy" and not m.check:
        healthy(m, c)
    return running


def start(m, c):
    # type: (Module, Container) -> Dict[str, Any]
    try:
        found = life.start(c, lambda: roots.flush(c))
    except Failed as error:
        m.fail(str(error), name=c.name)
    return healthy(m, c) if c.options.get("health") else found


def healthy(m, c):
    # type: (Module, Container) -> Dict[str, Any]
    """Wait until its check says so."""
    check = c.options["health"]
    end = time.time() + float(c.options["timeout"]) + float(check["start_period"])
    while time.time() < end:
        found = known.state(c.name)
        if found and found.get("health") == "healthy":
            return found
        time.sleep(0.02)
    tail = life.log_tail(c, 1500)
    m.fail("the container %s runs and is not healthy within %.0f s%s" % (c.name, c.options["timeout"], "; its log ends: " + tail if tail else ""),
           name=c.name)
    return {}


def stopping(m, c, running):
    # type: (Module, Container, Any) -> Any
    if running:
        yield Change("running", True, False, lambda: life.stop(c))


def absent(m, c, running):
    # type: (Module, Any, Any) -> Any
    base = os.path.join(known.HOME, m.args.name)
    left = [path for path in (base, base + ".removing", os.path.join(known.STATE, m.args.name)) if os.path.lexists(path)]
    if c is None and left:  # a run was cut while it made or removed it
        for path in left:
            yield Change("%s of the container %s" % (path, m.args.name), "left over", "absent", lambda path=path: roots.remove_tree(path))  # type: ignore[misc]
    if c is None and unit.there(m.args.name):
        yield Change("unit of the container " + m.args.name, "left over", "absent", lambda: unit.remove(m.args.name))
    if c is not None:
        yield from stopping(m, c, running)
        c.options["autostart"] = False
        yield from unit.changes(m, c)
        yield Change("container " + c.name, "present", "absent", lambda: remove(c))
        for source in sorted(set(c.options.get("volumes", {}).values())) if m.args.purge else ():
            path = os.path.join(known.VOLUMES, source[:-3] if source.endswith(":ro") else source)
            if os.path.isdir(path):
                yield Change("volume " + path, "present", "absent", lambda path=path: roots.remove_tree(path))  # type: ignore[misc]
    return {"name": m.args.name, "root": os.path.join(base, "root"), "running": False}


def remove(c):
    # type: (Container) -> None
    life.clean(c)
    known.release(c.name)
    gone = c.base + ".removing"  # the name is free at once, and a cut removal leaves no half container
    roots.remove_tree(gone)
    os.rename(c.base, gone)
    roots.remove_tree(gone)
    shutil.rmtree(c.runtime, ignore_errors=True)

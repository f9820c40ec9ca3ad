"""The port by which a libvirt network's bridge reaches other hosts: a VXLAN, a NIC, or one VLAN of a NIC.

The action `network` asks for it. libvirt has no word for such a port, so it is made here with iproute2, and again by a hook of libvirt's
(/etc/libvirt/hooks/network.d) whenever the network is started, after a reboot for instance.
"""
import json
import os
import re
from ipaddress import ip_address
from typing import Any, Dict, List, Optional

from fleet.runner.files import write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "network_port", "Put a VXLAN, a NIC or a VLAN on a network's bridge",
    {
        "network": Opt("str", "The network's name.", required=True),
        "bridge": Opt("str", "Its bridge.", required=True),
        "vxlan": Opt("dict", "id, peers, port.", suboptions={"id": Opt("int", required=True), "peers": Opt("list", elements="str", required=True),
                                                             "port": Opt("int", default=4789)}),
        "uplink": Opt("str", "A NIC."),
        "vlan": Opt("int", "One VLAN of the NIC."),
        "mtu": Opt("int", "MTU of a VXLAN or VLAN."),
        "state": Opt("str", "present; stopped: only prepared; absent.", default="present", choices=["present", "stopped", "absent"]),
    },
    returns={"changes": Ret("list", "What was, or is to be, changed: what, before, after.")},
    examples="- network_port: {network: lan, bridge: fl-lan, uplink: eth1, vlan: 42}\n",
    notes=["The `network` action does this for its options `vxlan`, `uplink` and `vlan`."],
)
HOOKS = "/etc/libvirt/hooks/network.d"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$")
HEAD = "# fleet: "
EVERYWHERE = "00:00:00:00:00:00"


class Port:
    """A device to be. make: the commands that make it; own: it is ours to delete; peers: where a VXLAN sends what is for all."""

    def __init__(self, device, make, own, peers, text):
        # type: (str, List[List[str]], bool, List[str], str) -> None
        self.device = device
        self.make = make
        self.own = own
        self.peers = peers
        self.text = text


def run(m):
    # type: (Module) -> Any
    hook = "%s/fleet-%s" % (HOOKS, m.args.network)
    before = known(hook)
    port = wanted(m) if m.args.state != "absent" else None
    changes = []  # type: List[Dict[str, Any]]

    def change(what, old, new, apply):
        # type: (str, Any, Any, Any) -> Change
        changes.append({"what": what, "before": old, "after": new})
        return Change(what, old, new, apply)

    old_device = before.get("device")
    if old_device and (port is None or m.args.state == "stopped" or old_device != port.device):
        old = link(m, old_device)
        if old and (before.get("own") or old.get("master") == m.args.bridge):
            yield change("port " + old_device, "present", "absent", lambda: release(m, old_device, before.get("own")))
    if port is None:
        if before:
            yield change("hook " + hook, "present", "absent", lambda: os.unlink(hook))
        return {"changes": changes}
    script = hook_text(m, port)
    if read(hook) != script:
        yield change("hook " + hook, "present" if before else "absent", "present", lambda: put_hook(m, hook, script))
    if m.args.state == "present":
        now = link(m, port.device)
        if observed(m, port.device, now) != port.text or now.get("master") != m.args.bridge:
            yield change("port of " + m.args.bridge, now and observed(m, port.device, now), port.text, lambda: make(m, port, now))
    return {"changes": changes}


def wanted(m):
    # type: (Module) -> Port
    args = m.args
    if args.vxlan:
        if not 0 < args.vxlan["id"] < 1 << 24 or not 0 < args.vxlan["port"] < 1 << 16:
            m.fail("a VXLAN's id is from 1 to 16777215 and its port from 1 to 65535")
        ours = addresses(m)
        try:
            peers = sorted(text for text in {str(ip_address(each)) for each in args.vxlan["peers"]} if text not in ours)
        except ValueError as error:
            m.fail("a VXLAN's peers are addresses: %s" % error)
        device = "vx%d" % args.vxlan["id"]
        add = ["ip", "link", "add", device, "type", "vxlan", "id", str(args.vxlan["id"]), "dstport", str(args.vxlan["port"])]
        spread = [["bridge", "fdb", "append", EVERYWHERE, "dev", device, "dst", peer] for peer in peers]
        return Port(device, [add] + spread, True, peers, "vxlan %d port %d to %s" % (args.vxlan["id"], args.vxlan["port"], ", ".join(peers) or "nobody"))
    nic = args.uplink
    if not NAME.match(nic):
        m.fail("'%s' cannot be the name of an interface" % nic)
    found = link(m, nic)
    if not found:
        m.fail("this host has no interface %s" % nic)
    if args.vlan is None:
        if found.get("master") != args.bridge and any(each["scope"] == "global" for each in found.get("addr_info", ())):
            m.fail("the interface %s has an address of its own; on a bridge it would be cut off" % nic)
        return Port(nic, [], False, [], "interface " + nic)
    if not 0 < args.vlan < 4095:
        m.fail("a VLAN tag is from 1 to 4094, not %d" % args.vlan)
    device = ("%s.%d" % (nic, args.vlan))[-15:]
    add = ["ip", "link", "add", "link", nic, "name", device, "type", "vlan", "id", str(args.vlan)]
    return Port(device, [["ip", "link", "set", "dev", nic, "up"], add], True, [], "vlan %d of %s" % (args.vlan, nic))


def addresses(m):
    # type: (Module) -> List[str]
    found = json.loads(m.run(["ip", "-j", "addr", "show"], ok=[0]).stdout or "[]")
    return [each["local"] for interface in found for each in interface.get("addr_info", ()) if "local" in each]


def link(m, device):
    # type: (Module, str) -> Dict[str, Any]
    """What the kernel says of an interface; empty when there is none."""
    done = m.run(["ip", "-d", "-j", "addr", "show", "dev", device])
    found = [each for each in json.loads(done.stdout or "[]") if each] if done.rc == 0 else []
    return found[0] if found else {}


def observed(m, device, found):
    # type: (Module, str, Dict[str, Any]) -> str
    """A device in the words of Port.text."""
    info = found.get("linkinfo", {})
    kind, data = info.get("info_kind"), info.get("info_data", {})
    if kind == "vxlan":
        table = json.loads(m.run(["bridge", "-j", "fdb", "show", "dev", device]).stdout or "[]")
        peers = sorted(each["dst"] for each in table if each.get("mac") == EVERYWHERE and "dst" in each)
        return "vxlan %d port %d to %s" % (data.get("id", 0), data.get("port", 0), ", ".join(peers) or "nobody")
    if kind == "vlan":
        return "vlan %d of %s" % (data.get("id", 0), found.get("link"))
    return "interface " + device if found else "nothing"


def make(m, port, now):
    # type: (Module, Port, Dict[str, Any]) -> None
    if port.own and now and observed(m, port.device, now) != port.text:
        release(m, port.device, True)
        now = {}
    for command in port.make if not now else ():
        done = m.run(command)
        if done.rc and ("Unknown device type" in done.stderr or "not supported" in done.stderr):
            m.fail("this host's kernel cannot make a %s interface (%s)" % ("VXLAN" if m.args.vxlan else "VLAN", done.stderr.strip()))
        if done.rc:
            m.fail("%s: %s" % (" ".join(command), done.stderr.strip()))
    m.run(attach(m, port), ok=[0])


def attach(m, port):
    # type: (Module, Port) -> List[str]
    mtu = ["mtu", str(m.args.mtu)] if m.args.mtu and port.own else []
    return ["ip", "link", "set", "dev", port.device, "master", m.args.bridge] + mtu + ["up"]


def release(m, device, own):
    # type: (Module, str, Optional[bool]) -> None
    m.run(["ip", "link", "delete", "dev", device] if own else ["ip", "link", "set", "dev", device, "nomaster"], ok=[0])


def hook_text(m, port):
    # type: (Module, Port) -> str
    note = json.dumps({"device": port.device, "own": port.own}, sort_keys=True)
    lines = ["#!/bin/sh", HEAD + note, '[ "$1 $2" = "%s started" ] || exit 0' % m.args.network]
    if port.make:
        lines.append("if ! ip link show dev %s >/dev/null 2>&1; then" % port.device)
        lines += ["    " + " ".join(command) for command in port.make]
        lines.append("fi")
    return "\n".join(lines + [" ".join(attach(m, port)), "exit 0", ""])


def put_hook(m, hook, script):
    # type: (Module, str, str) -> None
    os.makedirs(HOOKS, exist_ok=True)
    write(m, hook, script, mode=0o755)


def read(path):
    # type: (str) -> str
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def known(hook):
    # type: (str) -> Dict[str, Any]
    """What an earlier apply made, as its hook says."""
    for line in read(hook).splitlines():
        if line.startswith(HEAD):
            try:
                found = json.loads(line[len(HEAD):])
            except ValueError:
                return {}
            return found if isinstance(found, dict) and NAME.match(str(found.get("device"))) else {}
    return {}

"""Facts about the network: interfaces and addresses by netlink, the rest from /sys and /proc. No `ip` is run."""
import os
import re
import socket
import struct
from typing import Any, Dict, Iterator, List, Optional, Tuple

from fleet.modules._facts_system import Facts, read

_GETLINK, _GETADDR, _GETROUTE = 18, 22, 26  # RTM_GET*
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}


def _dump(kind, family):
    # type: (int, int) -> Iterator[bytes]
    """The bodies of the kernel's answers to one rtnetlink dump request."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.settimeout(2)
        body = struct.pack("=B15x", family)
        netlink.send(struct.pack("=IHHII", 16 + len(body), kind, _DUMP, 1, 0) + body)
        while True:
            data = netlink.recv(1 << 18)
            while len(data) >= 16:
                length, answer = struct.unpack_from("=IH", data)
                if answer in (_DONE, _ERROR) or length < 16:
                    return
                yield data[16:length]
                data = data[(length + 3) & ~3:]


def _attributes(data):
    # type: (bytes) -> Dict[int, bytes]
    found = {}  # type: Dict[int, bytes]
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def _ip(raw):
    # type: (bytes) -> str
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _text(raw):
    # type: (bytes) -> str
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _mask(prefix):
    # type: (int) -> int
    return (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF


def _interfaces():
    # type: () -> Dict[int, Dict[str, Any]]
    """Every interface by its number, with what /sys tells."""
    found = {}  # type: Dict[int, Dict[str, Any]]
    for body in _dump(_GETLINK, socket.AF_UNSPEC):
        _family, kind, index, flags, _change = struct.unpack_from("=BxHiII", body)
        attributes = _attributes(body[16:])
        name = _text(attributes.get(3, b""))
        entry = {"device": name, "active": bool(flags & 1 and flags & 0x40), "promisc": bool(flags & 0x100),
                 "type": _kind(name, kind)}  # type: Dict[str, Any]
        if 4 in attributes:
            entry["mtu"] = struct.unpack("=I", attributes[4])[0]
        address = attributes.get(1, b"")
        if len(address) == 20 or (len(address) == 6 and any(address)):
            entry["macaddress"] = ":".join("%02x" % byte for byte in address)
        found[index] = _from_sys(name, entry)
    return found


def _kind(name, number):
    # type: (str, int) -> str
    base = "/sys/class/net/" + name
    if number == 772:
        return "loopback"
    if os.path.isdir(base + "/bridge"):
        return "bridge"
    if os.path.isdir(base + "/bonding"):
        return "bonding"
    return {1: "ether", 512: "ppp", 32: "infiniband", 65534: "unknown", 768: "tunnel", 776: "tunnel"}.get(number, "unknown")


def _from_sys(name, entry):
    # type: (str, Dict[str, Any]) -> Dict[str, Any]
    base = "/sys/class/net/" + name
    if entry["type"] == "bridge":
        entry.update(interfaces=_listdir(base + "/brif"), id=read(base + "/bridge/bridge_id"), stp=read(base + "/bridge/stp_state") == "1")
    elif entry["type"] == "bonding":
        entry.update(slaves=read(base + "/bonding/slaves").split(), mode=(read(base + "/bonding/mode").split() or [""])[0],
                     miimon=read(base + "/bonding/miimon"), lacp_rate=(read(base + "/bonding/lacp_rate").split() or [""])[0])
    speed = read(base + "/speed")
    if speed.isdigit():
        entry["speed"] = int(speed)
    device = os.path.join(base, "device")
    if os.path.islink(device):
        entry["pciid"] = os.path.basename(os.path.realpath(device))
        driver = os.path.join(device, "driver", "module")
        if os.path.islink(driver):
            entry["module"] = os.path.basename(os.path.realpath(driver))
    return entry


def _listdir(path):
    # type: (str) -> List[str]
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _address(entry, prefix, scope, attributes):
    # type: (Dict[str, Any], int, int, Dict[int, bytes]) -> Optional[str]
    """Put one address on its interface; returns it."""
    raw = attributes.get(2) or attributes.get(1)
    if raw is None:
        return None
    address = _ip(raw)
    if len(raw) == 16:
        entry.setdefault("ipv6", []).append({"address": address, "prefix": str(prefix), "scope": _SCOPES.get(scope, "global")})
        return address
    number = struct.unpack(">I", raw)[0]
    found = {"address": address, "broadcast": _ip(attributes[4]) if 4 in attributes else "", "netmask": _ip(struct.pack(">I", _mask(prefix))),
             "network": _ip(struct.pack(">I", number & _mask(prefix))), "prefix": str(prefix)}
    if "ipv4" in entry:
        entry.setdefault("ipv4_secondaries", []).append(found)
    else:
        entry["ipv4"] = found
    return address


def _route(family):
    # type: (int) -> Optional[Tuple[str, int]]
    """The default route of the main table with the least metric: gateway ("" on a link) and interface number."""
    best = None  # type: Optional[Tuple[int, str, int]]
    for body in _dump(_GETROUTE, family):
        got, length, _source, _tos, table, _proto, _scope, kind = struct.unpack_from("=BBBBBBBB", body)
        if got != family or length or table != 254 or kind != 1:
            continue
        attributes = _attributes(body[12:])
        gateway, out = attributes.get(5), attributes.get(4)
        if out is None and 9 in attributes:  # several next hops: the first
            hop = attributes[9]
            out = hop[4:8]
            gateway = _attributes(hop[8:struct.unpack_from("=H", hop)[0]]).get(5)
        if out is None:
            continue
        metric = struct.unpack("=I", attributes[6])[0] if 6 in attributes else 0
        found = (metric, _ip(gateway) if gateway else "", struct.unpack("=i", out)[0])
        best = found if best is None or found[0] < best[0] else best
    return best[1:] if best else None


def network():
    # type: () -> Facts
    try:
        links = _interfaces()
        addresses = list(_dump(_GETADDR, socket.AF_UNSPEC))
    except OSError:  # a kernel or sandbox without netlink
        return {"interfaces": _listdir("/sys/class/net")}
    every = {4: [], 6: []}  # type: Dict[int, List[str]]
    for body in addresses:
        family, prefix, _flags, scope, index = struct.unpack_from("=BBBBI", body)
        entry = links.get(index)
        if entry is None or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        found = _address(entry, prefix, scope, _attributes(body[8:]))
        if found and not found.startswith("127.") and found != "::1":
            every[4 if family == socket.AF_INET else 6].append(found)
    facts = {"interfaces": [entry["device"] for entry in links.values()], "all_ipv4_addresses": every[4],
             "all_ipv6_addresses": every[6], "default_ipv4": {}, "default_ipv6": {}}  # type: Facts
    for family, key in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        facts["default_" + key] = _default(links, family, key)
    for entry in links.values():
        facts[re.sub(r"[^\w]", "_", entry["device"])] = entry
    return facts


def _default(links, family, key):
    # type: (Dict[int, Dict[str, Any]], int, str) -> Dict[str, Any]
    try:
        route = _route(family)
    except OSError:
        route = None
    entry = links.get(route[1]) if route else None
    if route is None or entry is None:
        return {}
    found = {"gateway": route[0], "interface": entry["device"], "type": entry["type"]}  # type: Dict[str, Any]
    found.update((name, entry[name]) for name in ("macaddress", "mtu") if name in entry)
    if key == "ipv4" and "ipv4" in entry:
        found.update(entry["ipv4"], alias=entry["device"])
    elif key == "ipv6":
        wide = [one for one in entry.get("ipv6", ()) if one["scope"] == "global"] or entry.get("ipv6", [])
        found.update(wide[0] if wide else {})
    return found


def dns():
    # type: () -> Facts
    """As resolv.conf(5) has it."""
    found = {}  # type: Dict[str, Any]
    for line in read("/etc/resolv.conf").splitlines():
        words = re.split(r"[#;]", line)[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            found.setdefault("nameservers", []).append(words[1])
        elif words[0] == "domain":
            found["domain"] = words[1]
        elif words[0] in ("search", "sortlist"):
            found[words[0]] = words[1:]
        elif words[0] == "options":
            options = (word.partition(":") for word in words[1:])
            found["options"] = {name: value if colon else True for name, colon, value in options}
    return {"dns": found}

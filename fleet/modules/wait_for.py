"""Wait until a port, a file, or the passing of time is as asked."""
import os
import re
import socket
import struct
import time
from typing import Any, Callable, Dict, Optional, Set

from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "wait_for", "Wait for a port, a file or some time",
    {
        "host": Opt("str", "The name or address to look at, from the target.", default="127.0.0.1"),
        "port": Opt("int", "The TCP port to poll."),
        "path": Opt("path", "The file to look at."),
        "search_regex": Opt("str", "Wait until this regular expression is found in the file, or in what the port sends."),
        "state": Opt("str", "started/present: it is open or there; stopped/absent: it is not; drained: no connection to the port is open.",
                     default="started", choices=["absent", "drained", "present", "started", "stopped"]),
        "delay": Opt("int", "Seconds to wait before the first look.", default=0),
        "timeout": Opt("int", "Seconds to wait at most; with nothing else to wait for, just this long.", default=300),
        "sleep": Opt("int", "Seconds between looks.", default=1),
        "connect_timeout": Opt("int", "Seconds one connection attempt may take.", default=5),
        "active_connection_states": Opt("list", "The TCP states that count as open, for `drained`.", elements="str",
                                        default=["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"]),
        "exclude_hosts": Opt("list", "Peers whose connections do not count, for `drained`.", elements="str"),
        "msg": Opt("str", "The error message when time is up."),
    },
    mutually_exclusive=[("port", "path")],
    returns={
        "elapsed": Ret("int", "Seconds waited."),
        "state": Ret("str", "The state waited for."),
        "match_groups": Ret("list", "The groups of `search_regex`.", returned="search_regex matched", elements="str"),
        "match_groupdict": Ret("dict", "Its named groups.", returned="search_regex matched"),
    },
    examples="""
- name: The web server answers
  wait_for: {port: 80, timeout: 30}

- name: The log says it is ready
  wait_for:
    path: /var/log/app.log
    search_regex: "ready on port (\\\\d+)"
""")

# The kernel's numbers of TCP states, as in /proc/net/tcp.
_STATES = {"ESTABLISHED": "01", "SYN_SENT": "02", "SYN_RECV": "03", "FIN_WAIT1": "04", "FIN_WAIT2": "05", "TIME_WAIT": "06",
           "CLOSE": "07", "CLOSE_WAIT": "08", "LAST_ACK": "09", "LISTEN": "0A", "CLOSING": "0B"}
_READ = 1024 * 1024


def run(m):
    # type: (Module) -> Dict[str, Any]
    args = m.args
    _check(m)
    if args.path is not None:
        args["path"] = os.path.expanduser(args.path)
    began = time.time()
    time.sleep(args.delay)
    if args.port is None and args.path is None and args.state != "drained":
        time.sleep(args.timeout)
        return _result(m, began, None)
    pattern = re.compile(args.search_regex.encode("utf-8", "surrogateescape"), re.MULTILINE) if args.search_regex else None
    look = _looker(m, pattern)
    end = began + args.timeout
    while True:
        found = look(max(0.1, min(args.connect_timeout, end - time.time())))
        if found is not None:
            return _result(m, began, found if pattern else None)
        if time.time() >= end:
            m.fail(args.msg or _expired(m), elapsed=int(time.time() - began))
        time.sleep(max(0.0, min(args.sleep, end - time.time())))


def _check(m):
    # type: (Module) -> None
    args = m.args
    if args.path is not None and args.state == "drained":
        m.fail("state=drained is for a port, not for a path", elapsed=0)
    if args.exclude_hosts is not None and args.state != "drained":
        m.fail("exclude_hosts should only be used with state=drained", elapsed=0)
    if args.state == "drained" and args.port is None:
        m.fail("state=drained needs a port", elapsed=0)
    for name in args.active_connection_states:
        if name not in _STATES:
            m.fail("unknown active_connection_state (%s): use one of %s" % (name, ", ".join(sorted(_STATES))), elapsed=0)
    if args.search_regex:
        try:
            re.compile(args.search_regex)
        except re.error as error:
            m.fail("search_regex is no regular expression: %s" % error, elapsed=0)


def _looker(m, pattern):
    # type: (Module, Any) -> Callable[[float], Any]
    """A function that looks once (given the seconds it may take) and returns None = not yet, else what was found."""
    args = m.args
    gone = args.state in ("absent", "stopped")
    if args.state == "drained":
        return lambda limit: True if _connections(m) == 0 else None
    if args.path is not None:
        if gone:
            return lambda limit: None if os.path.exists(args.path) else True
        return lambda limit: _search_file(args.path, pattern)
    if gone:
        return lambda limit: True if _connect(args, limit, None) is None else None
    return lambda limit: _connect(args, limit, pattern)


def _search_file(path, pattern):
    # type: (str, Any) -> Any
    if pattern is None:
        return True if os.path.exists(path) else None
    try:
        with open(path, "rb") as stream:
            before = b""
            while True:
                chunk = stream.read(_READ)
                if not chunk:
                    return None
                found = pattern.search(before + chunk)
                if found:
                    return found
                before = (before + chunk)[-65536:]  # a match may lie across two chunks
    except OSError:
        return None


def _connect(args, limit, pattern):
    # type: (Any, float, Any) -> Any
    """Connect to the port; with a pattern, read until it is found, the peer closes, or the time is over."""
    try:
        peer = socket.create_connection((args.host, args.port), limit)
    except OSError:
        return None
    with peer:
        if pattern is None:
            return True
        data = b""
        end = time.time() + limit
        while time.time() < end and len(data) < 16 * _READ:
            try:
                peer.settimeout(max(0.05, end - time.time()))
                chunk = peer.recv(65536)
            except OSError:
                return None
            data += chunk
            found = pattern.search(data)
            if found or not chunk:
                return found
    return None


def _connections(m):
    # type: (Module) -> int
    """How many TCP connections to the port are open, read from /proc/net."""
    args = m.args
    states = {_STATES[name] for name in args.active_connection_states}
    ours = _addresses(m, args.host)
    excluded = set()  # type: Set[bytes]
    for host in args.exclude_hosts or ():
        excluded |= _addresses(m, host)
    count = 0
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name) as stream:
                lines = stream.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, remote, state = line.split()[1:4]
            address, port = local.split(":")
            if int(port, 16) != args.port or state not in states or _packed(remote.split(":")[0]) in excluded:
                continue
            if b"" in ours or _packed(address) in ours:
                count += 1
    return count


def _packed(text):
    # type: (str) -> bytes
    """An address of /proc/net/tcp{,6} (words of native byte order in hex) in network order; IPv4-mapped ones as IPv4."""
    raw = bytes.fromhex(text)
    raw = b"".join(struct.pack(">I", word) for word in struct.unpack("=%dI" % (len(raw) // 4), raw))
    return raw[12:] if raw[:12] == b"\0" * 10 + b"\xff\xff" else raw


def _addresses(m, host):
    # type: (Module, str) -> Set[bytes]
    """The packed addresses of a host; all-zero ones (any address) as b""."""
    try:
        infos = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    except OSError as error:
        m.fail("cannot resolve %s: %s" % (host, error), elapsed=0)
    packed = {socket.inet_pton(info[0], str(info[4][0]).split("%")[0]) for info in infos}
    return {address if any(address) else b"" for address in packed}


def _expired(m):
    # type: (Module) -> str
    args = m.args
    place = args.path or "%s:%s" % (args.host, args.port)
    if args.search_regex:
        return "Timeout when waiting for search string %s in %s" % (args.search_regex, place)
    if args.state == "drained":
        return "Timeout when waiting for %s to drain" % place
    if args.state in ("absent", "stopped"):
        return "Timeout when waiting for %s to %s." % (place, "be absent" if args.path else "stop")
    return "Timeout when waiting for %s%s" % ("file " if args.path else "", place)


def _result(m, began, found):
    # type: (Module, float, Optional[Any]) -> Dict[str, Any]
    args = m.args
    result = {"state": args.state, "port": args.port, "path": args.path, "search_regex": args.search_regex,
              "elapsed": int(time.time() - began), "match_groups": [], "match_groupdict": {}}  # type: Dict[str, Any]
    if found is not None:
        def text(value):
            # type: (Any) -> Any
            return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        result["match_groups"] = [text(group) for group in found.groups()]
        result["match_groupdict"] = {name: text(group) for name, group in found.groupdict().items()}
    return result

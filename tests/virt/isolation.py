"""Attempts to get out of a container or to exceed what it was given, and the page that says how each back-end held. See test_container_isolation.py."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/isolation.md"
# (area, what is attempted, shell text that ends with 0 when the attempt succeeds). In it: $MARK a file of the host, $PID a process of the host.
ATTEMPTS = [
    ("filesystem", "read a file of the host by its path", "cat $MARK"),
    ("filesystem", "climb out through the root of process 1", "cat /proc/1/root$MARK"),
    ("filesystem", "leave a chroot by the classic way (chroot below, climb above)", "/escape $MARK"),
    ("filesystem", "make a node of the host's disk and read it", "mknod /disk b $DISK && head -c 512 /disk"),
    ("filesystem", "read the disk through a node that the image brought along", "head -c 512 /planted"),
    ("filesystem", "mount a filesystem", "mkdir -p /mnt/x && mount -t tmpfs x /mnt/x"),
    ("processes", "see a process of the host",
     'for each in /proc/[0-9]*/cmdline; do case "$(tr "\\0" " " <$each)" in *"$TOKEN"*) exit 0;; esac; done; exit 1'),
    ("processes", "kill a process of the host by its number", "kill -9 $PID"),
    ("processes", "enter the namespaces of the host's first process", "nsenter -t 1 -m -p cat $MARK"),
    ("IPC", "see System V shared memory of the host", "ipcs -m | grep -q $SHM"),
    ("IPC", "see POSIX shared memory of the host", "cat /dev/shm/$TOKEN"),
    ("CPU", "use more processor time than `cpus`", "CPU"),
    ("memory", "use more memory than `memory`", "head -c 200000000 /dev/zero | tail | wc -c | grep -q 200000000"),
    ("I/O", "write faster than `device_write_bps`", "IO"),
    ("network", "with `network: none`: connect to a service of the host on the loopback", "busybox nc -w 2 127.0.0.1 $PORT </dev/null | grep -q reached"),
    ("network", "see the host's interfaces", "ls /sys/class/net | grep -qv '^lo$'"),
    ("network", "set up an interface", "ip link add type dummy"),
    ("users", "make a file that belongs to a user of the host", "USERS"),
    ("users", "be root of the host's user namespace", "grep -q ' 0 *4294967295' /proc/self/uid_map"),
    ("kernel", "change a kernel setting", "echo 7 >/proc/sys/kernel/printk || echo 1 >/proc/sys/vm/drop_caches"),
    ("kernel", "press the magic system request", "echo h >/proc/sysrq-trigger"),
    ("kernel", "read the kernel's log", "dmesg | head -1 | grep -q ."),
    ("kernel", "set the clock", "date -s '2001-01-01'"),
    ("kernel", "change the host's name", "hostname taken && [ \"$(cat /proc/sys/kernel/hostname)\" = \"$HOSTNAME_OF_HOST\" ]"),
    ("kernel", "see how much memory the machine has", "[ $(awk '/MemTotal/ {print $2}' /proc/meminfo) -gt 200000 ]"),
    ("kernel", "see the machine's load", "cat /proc/loadavg"),
    ("processes", "start more processes than `pids_limit`",
     "sh -c 'n=0; while [ $n -lt 80 ]; do sleep 3 & n=$((n+1)); done; [ $(jobs -p | wc -l) -ge 80 ]'"),
]
HEAD = """# What separates containers

This page is written by `tests/virt/test_container_isolation.py` from what it finds: on each back-end a container with its defaults (unprivileged,
`network: none`, limits declared) tries to get out of, or to exceed, each of these. The test fails when a result is not what this page says;
`FLEET_WRITE_DOCS=1 pytest tests/virt/test_container_isolation.py` writes the page anew.

"held" = the attempt failed. **open** = it succeeded: the back-end does not separate this.

"""
TAIL = """
## Plainly

- All containers of a host run on the host's kernel. A hole in the kernel is a hole in every back-end; where that matters, use a guest.
- What is shared by its nature: the sizes in `/proc/meminfo`, the load, the clock, the kernel's version.
- `network: host`, the default, shares the host's interfaces, ports and abstract sockets: nothing separates the network then. Give `network: none` or
  `networks` to separate it.
- `unprivileged: false` makes root inside the host's root, held only by namespaces, capabilities and the system call filter. `cap_add: [all]` with
  `seccomp: unconfined` takes those away: such a container is a program of the host with another root directory.
- `binds` show directories of the host as they are; a volume's files belong to the container's users.
- Limits of I/O hold for direct I/O under control groups version 1; buffered writes are counted only under version 2.
- The back-end chroot is fleet's own: it is called so because it needs nothing on the host, but it has its own mount, PID, IPC, UTS and user namespaces.
"""


def page(results: dict[str, list[bool]]) -> str:
    """results: back-end -> for each attempt whether it held."""
    names = list(results)
    lines = [f"| | attempt | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for number, (area, text, _) in enumerate(ATTEMPTS):
        cells = ["held" if results[name][number] else "**open**" for name in names]
        lines.append(f"| {area} | {text} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n" + TAIL

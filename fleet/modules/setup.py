"""Facts about the target. They are read from files and the kernel; no program is started, except executable local facts."""
import fnmatch
from typing import Any, Callable, Dict, List, Set

from fleet.modules import _facts_hardware, _facts_network, _facts_system
from fleet.modules._facts_local import local
from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "setup", "Gather facts about the target",
    {
        "gather_subset": Opt("list", "Which facts: all, min, hardware, network, virtual or one collector's name; `!x` leaves x out, `!min` "
                             "even the least.", default=["all"], elements="str"),
        "gather_timeout": Opt("int", "Seconds to wait for file systems that do not answer.", default=10),
        "filter": Opt("list", "Return only facts whose name matches one of these shell patterns.", default=[], elements="str"),
        "fact_path": Opt("path", "Where the machine's own *.fact files are.", default="/etc/ansible/facts.d"),
    },
    returns={"ansible_facts": Ret("dict", "The facts, each named ansible_*.")},
    notes=["A play gathers facts by itself unless it says `gather_facts: false`.",
           "ansible_fqdn is what /etc/hosts says; the resolver is not asked."],
    examples="""
- setup:
    gather_subset: ["!all", network]
    filter: ansible_default_ipv4
""")

_GROUPS = {
    "min": frozenset(("platform", "distribution", "pkg_mgr", "service_mgr", "user", "date_time", "env", "cmdline", "lsb", "ssh_pub_keys", "caps",
                      "chroot", "selinux", "apparmor", "fips", "dns", "python", "local")),
    "hardware": frozenset(("devices", "mounts", "processor", "memory", "dmi", "uptime", "loadavg")),
    "network": frozenset(("interfaces",)),
    "virtual": frozenset(("virtualization",)),
}  # type: Dict[str, Any]
# Names of single collectors in Ansible, and what has their facts here.
_SAME = {"default_ipv4": "interfaces", "default_ipv6": "interfaces", "all_ipv4_addresses": "interfaces", "all_ipv6_addresses": "interfaces",
         "virtualization_type": "virtualization", "virtualization_role": "virtualization", "processor_cores": "processor",
         "processor_count": "processor", "system": "platform", "kernel": "platform", "architecture": "platform", "machine": "platform",
         "os_family": "distribution", "system_capabilities": "caps", "is_chroot": "chroot", "python_version": "platform", "facter": "",
         "ohai": "", "distribution_version": "distribution", "distribution_release": "distribution", "machine_id": "platform",
         "distribution_major_version": "distribution", "memtotal_mb": "memory", "date": "date_time"}


def run(m):
    # type: (Module) -> Dict[str, Any]
    collectors = _collectors(m)
    facts = {"gather_subset": list(m.args.gather_subset), "module_setup": True}  # type: Dict[str, Any]
    done = set()  # type: Set[Any]
    for name in _wanted(m, m.args.gather_subset):
        collect = collectors.get(name)
        if collect is not None and collect not in done:
            done.add(collect)
            facts.update(collect())
    named = {key if key == "gather_subset" or key == "module_setup" else "ansible_" + key: value for key, value in facts.items()}
    patterns = [pattern for pattern in m.args.filter if pattern]
    if patterns:
        named = {key: value for key, value in named.items() if any(_matches(key, pattern) for pattern in patterns)}
    return {"ansible_facts": named}


def _matches(key, pattern):
    # type: (str, str) -> bool
    return fnmatch.fnmatchcase(key, pattern) or fnmatch.fnmatchcase(key, "ansible_" + pattern)


def _collectors(m):
    # type: (Module) -> Dict[str, Callable[[], Dict[str, Any]]]
    collectors = dict(_facts_system.COLLECTORS)
    collectors["virtualization"] = collectors.pop("virtual")
    collectors.update(
        processor=_facts_hardware.processors, memory=_facts_hardware.memory, dmi=_facts_hardware.dmi, devices=_facts_hardware.devices,
        uptime=_facts_hardware.uptime, loadavg=_facts_hardware.load_average, interfaces=_facts_network.network, dns=_facts_network.dns,
        mounts=lambda: _facts_hardware.mounts(m.args.gather_timeout), local=lambda: local(m, m.args.fact_path),
        python=_facts_system.system)
    return collectors


def _wanted(m, words):
    # type: (Module, List[str]) -> List[str]
    """The collectors that gather_subset asks for. The least set is always there unless left out by name."""
    every = set().union(*_GROUPS.values())  # type: Set[str]
    least = _GROUPS["min"]
    named, removed = set(), set()  # type: Set[str], Set[str]
    for word in words:
        name = word.lstrip("!")
        if name in _GROUPS:
            members = set(_GROUPS[name])
        elif name in every or name in _SAME:
            members = {_SAME.get(name, name)}
        elif name != "all":
            m.fail("gather_subset has no '%s'; it takes all, %s, or one of: %s" % (
                name, ", ".join(sorted(_GROUPS)), ", ".join(sorted(every | set(_SAME)))))
        if word.startswith("!"):
            removed |= every - least if name == "all" else members
        elif name != "all":
            named |= members
    start = set(named) if named or "!all" in words else set(every)
    if "all" in words:
        start = set(every)
    return sorted((start | least) - (removed - named))

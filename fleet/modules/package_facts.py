"""Which packages are installed, as facts."""
import os
from typing import Any, Dict, List

from fleet.modules import _dnf, _dpkg
from fleet.runner.module import Module, ModuleError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "package_facts", "Gather which packages are installed",
    {
        "manager": Opt("list", "The package managers to ask: auto, apt, rpm (also as dnf, dnf5, yum, zypper).", default=["auto"], elements="str"),
        "strategy": Opt("str", "The first manager that has packages, or all of them.", default="first", choices=["all", "first"]),
    },
    returns={"ansible_facts": Ret("dict", "`packages`: by name a list, one entry an architecture or version, each with name, version, arch, source, and "
                                          "category (apt), or release and epoch (rpm).")},
    notes=["dpkg's database is read, and rpm is asked; other package managers are refused by name. What only apt's lists know (an `origin`) is not told."],
    examples="""
- package_facts:
- debug:
    msg: "nginx {{ packages.nginx[0].version }}"
  when: "'nginx' in packages"
""")

_RPM = {"dnf": "rpm", "dnf5": "rpm", "yum": "rpm", "zypper": "rpm"}
MYPY = False
if MYPY:
    Packages = Dict[str, List[Dict[str, Any]]]


def run(m):
    # type: (Module) -> Dict[str, Any]
    names = [_RPM.get(name.lower(), name.lower()) for name in m.args.manager]
    others = [name for name in names if name not in ("auto", "apt", "rpm")]
    if not names or others:
        m.fail("fleet reads the packages of apt and rpm, not of %s" % (", ".join(others) or "no manager"))
    readers = [(name, read) for name, read in (("apt", _apt), ("rpm", _rpm)) if name in names or "auto" in names]
    packages = {}  # type: Packages
    for _name, read in sorted(readers, key=lambda pair: names.index(pair[0]) if pair[0] in names else len(names)):
        if not packages or m.args.strategy == "all":
            for name, found in read(m).items():
                packages[name] = packages.get(name, []) + found
    if not packages:
        m.fail("no packages of %s were found on this target" % " or ".join(name for name, _read in readers))
    return {"ansible_facts": {"packages": packages}}


def _apt(m):
    # type: (Module) -> Packages
    packages = {}  # type: Packages
    for name, versions in sorted(_dpkg.database().packages.items()) if os.path.exists(_dpkg.STATUS) else ():
        found = [{"name": name, "version": each.version, "arch": each.arch, "category": each.section, "source": "apt"}
                 for each in versions if each.state in _dpkg.INSTALLED]
        if found:
            packages[name] = found
    return packages


def _rpm(m):
    # type: (Module) -> Packages
    packages = {}  # type: Packages
    if not any(os.path.exists(path) for path in ("/usr/bin/rpm", "/bin/rpm")):
        return packages
    try:
        done = _dnf.rpm(m, "-qa", "--qf", "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%|EPOCH?{%{EPOCH}}|\\t%{ARCH}\\n")
    except ModuleError as error:  # another program of that name
        m.warn(error.msg)
        return packages
    for line in done.stdout.splitlines():
        name, version, release, epoch, arch = line.split("\t")
        packages.setdefault(name, []).append({"name": name, "version": version, "release": release, "epoch": int(epoch) if epoch else None, "arch": arch,
                                              "source": "rpm"})
    return packages

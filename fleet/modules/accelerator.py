"""Whether KVM works here: known only by booting something on it.

/dev/kvm can exist, open, and still hang an ordinary guest (nested virtualization half there). So a probe guest boots a kernel until it panics for
want of a root disk; that it does within the time proves the accelerator.
"""
import json
import os
from typing import Any, Dict

from fleet.runner.module import Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "accelerator", "Find out by booting a probe guest whether KVM works on a hypervisor",
    {
        "kernel": Opt("path", "A Linux kernel image on the host to boot as the probe.", required=True),
        "timeout": Opt("float", "Seconds the probe may take.", default=10.0),
    },
    returns={
        "accel": Ret("str", "`kvm` where it works, else `tcg`."),
        "reason": Ret("str", "Why, in plain words."),
    },
    examples="- accelerator: {kernel: /var/lib/fleet/images/debian/vmlinuz}\n  register: accel\n",
    notes=["The answer is kept in /run/fleet until the next boot. Observing only, it runs under check as well."],
)
CACHE = "/run/fleet/accelerator.json"


def run(m):
    # type: (Module) -> Any
    known = _cached()
    if known is None:
        known = probe(m)
        _remember(known)
    return known


def probe(m):
    # type: (Module) -> Dict[str, Any]
    if not os.path.exists("/dev/kvm"):
        return {"accel": "tcg", "reason": "there is no /dev/kvm, so guests run in software (TCG)"}
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return {"accel": "tcg", "reason": "/dev/kvm may not be opened, so guests run in software (TCG)"}
    command = ["timeout", "-k", "1", str(m.args.timeout), "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "256",
               "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio", "-kernel", m.args.kernel,
               "-append", "panic=-1 console=ttyS0 quiet"]
    done = m.run(command)
    if done.rc == 0 and "Kernel" in done.stdout:
        return {"accel": "kvm", "reason": "a probe guest booted with KVM"}
    if done.rc in (124, 137):
        return {"accel": "tcg", "reason": "/dev/kvm exists but a probe guest hung on it, so guests run in software (TCG)"}
    return {"accel": "tcg", "reason": "a probe guest failed with KVM (%s), so guests run in software (TCG)" % (done.stderr.strip()[-200:] or done.rc)}


def _cached():
    # type: () -> object
    try:
        with open(CACHE) as file:
            known = json.load(file)
        return known if known.get("accel") in ("kvm", "tcg") else None
    except (OSError, ValueError):
        return None


def _remember(known):
    # type: (Dict[str, Any]) -> None
    """Best effort: without it the next call probes again."""
    try:
        os.makedirs(os.path.dirname(CACHE), exist_ok=True)
        temporary = "%s.%d" % (CACHE, os.getpid())
        with open(temporary, "w") as file:
            json.dump(known, file)
        os.rename(temporary, CACHE)
    except OSError:
        pass

"""Whether KVM works on this host: known only by booting something on it.

/dev/kvm can exist, open, and still hang an ordinary guest (nested virtualization half there). So a probe guest boots a kernel until it panics for
want of a root disk; that it does within the time proves the accelerator. The answer is kept until the next boot.
"""
import json
import os
from typing import Any, Dict

from fleet.runner.module import Module

CACHE = "/run/fleet/accelerator.json"


def known():
    # type: () -> Any
    """The answer of an earlier probe, or None."""
    try:
        with open(CACHE) as file:
            found = json.load(file)
        return found if found.get("accel") in ("kvm", "tcg") else None
    except (OSError, ValueError):
        return None


def proved(m, kernel, timeout):
    # type: (Module, str, float) -> Dict[str, Any]
    """{"accel": "kvm" or "tcg", "reason": in plain words}."""
    found = known()
    if found is None:
        found = probe(m, kernel, timeout)
        _remember(found)
    return dict(found)


def probe(m, kernel, timeout):
    # type: (Module, str, float) -> Dict[str, Any]
    if not os.path.exists("/dev/kvm"):
        return {"accel": "tcg", "reason": "there is no /dev/kvm, so guests run in software (TCG)"}
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return {"accel": "tcg", "reason": "/dev/kvm may not be opened, so guests run in software (TCG)"}
    command = ["timeout", "-k", "1", str(timeout), "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "256",
               "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio", "-kernel", kernel,
               "-append", "panic=-1 console=ttyS0 quiet"]
    done = m.run(command)
    if done.rc == 0 and "Kernel" in done.stdout:
        return {"accel": "kvm", "reason": "a probe guest booted with KVM"}
    if done.rc in (124, 137):
        return {"accel": "tcg", "reason": "/dev/kvm exists but a probe guest hung on it, so guests run in software (TCG)"}
    return {"accel": "tcg", "reason": "a probe guest failed with KVM (%s), so guests run in software (TCG)" % (done.stderr.strip()[-200:] or done.rc)}


def _remember(found):
    # type: (Dict[str, Any]) -> None
    """Best effort: without it the next call probes again."""
    try:
        os.makedirs(os.path.dirname(CACHE), exist_ok=True)
        temporary = "%s.%d" % (CACHE, os.getpid())
        with open(temporary, "w") as file:
            json.dump(found, file)
        os.rename(temporary, CACHE)
    except OSError:
        pass

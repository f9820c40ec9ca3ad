"""Which accelerator guests get on this host; see _kvm.py."""
from typing import Any

from fleet.modules import _kvm
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


def run(m):
    # type: (Module) -> Any
    return _kvm.proved(m, m.args.kernel, m.args.timeout)

"""Reboot a target and wait for it, told from its boot id."""

from __future__ import annotations

import shlex
import time
from collections.abc import Generator
from typing import Any

from fleet.actions import Call, _reach
from fleet.errors import FleetError
from fleet.runner.module import Change
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "reboot", "Reboot a host and wait until it is back",
    {
        "reboot_timeout": Opt("float", "Seconds until it must be back.", default=600.0, aliases=["reboot_timeout_sec"]),
        "connect_timeout": Opt("float", "Seconds one attempt to reach it may take.", default=5.0, aliases=["connect_timeout_sec"]),
        "pre_reboot_delay": Opt("float", "Seconds to wait before.", default=0.0, aliases=["pre_reboot_delay_sec"]),
        "post_reboot_delay": Opt("float", "Seconds to wait after it is back.", default=0.0, aliases=["post_reboot_delay_sec"]),
        "msg": Opt("str", "What its users are told.", default="Reboot initiated by fleet"),
        "reboot_command": Opt("str", "How it is rebooted, instead of `shutdown -r`."),
        "boot_time_command": Opt("str", "What tells one boot from another.", default="cat /proc/sys/kernel/random/boot_id"),
        "test_command": Opt("str", "What must end with 0 once it is back.", default="true"),
    },
    returns={"rebooted": Ret("bool", "Whether it was rebooted."), "elapsed": Ret("int", "Whole seconds until it was back.")},
    examples="- name: Only when the kernel changed\n  reboot: {reboot_timeout: 300}\n  when: kernel.changed\n",
    notes=["Notified handlers, facts and registered results are kept across it."],
)
# Behind the answer to the request that starts it, so that the answer still gets through.
_DELAYED = "(sleep 0.5; exec {command}) >/dev/null 2>&1 </dev/null &"


def run(call: Call) -> Generator[Change, Any, dict[str, Any]]:
    args = call.args
    if call.endpoint.kind != "ssh":
        raise FleetError(f"reboot is for hosts reached over SSH, not for a {call.endpoint.kind} connection", host=call.host)
    before = call.module("shell", {"_raw_params": args.boot_time_command}, check=False)
    if before.get("failed"):
        raise FleetError(f"the boot it runs on cannot be told: {before.get('msg')}", host=call.host)
    began = time.monotonic()
    yield Change("boot", before["stdout"], "a new one", lambda: _reboot(call, before["stdout"]))
    return {"rebooted": not call.check, "elapsed": int(time.monotonic() - began)}


def _reboot(call: Call, before: str) -> None:
    args = call.args
    call.sleep(max(args.pre_reboot_delay, 0.0))
    command = args.reboot_command or f"shutdown -r now {shlex.quote(args.msg)}"
    done = call.attempt("shell", {"_raw_params": _DELAYED.format(command=f"/bin/sh -c {shlex.quote(command)}")}, args.connect_timeout)
    if isinstance(done, dict) and done.get("failed"):
        raise FleetError(f"it could not be told to reboot: {done.get('msg')}", host=call.host)
    call.disconnect()
    call.sleep(1.0)
    trouble = _reach.until(call, lambda found: found["stdout"] != before, "shell", {"_raw_params": args.boot_time_command}, args.reboot_timeout,
                           args.connect_timeout, 1.0)
    if trouble is not None:
        raise FleetError(f"it did not come back within {args.reboot_timeout:g} s: {trouble}", host=call.host)
    call.sleep(max(args.post_reboot_delay, 0.0))
    test = call.attempt("shell", {"_raw_params": args.test_command}, args.reboot_timeout)
    if isinstance(test, str) or test.get("failed"):
        raise FleetError(f"it is back, but `{args.test_command}` fails: {test if isinstance(test, str) else test.get('msg')}", host=call.host)

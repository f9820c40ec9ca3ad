"""Wait until a target can be reached."""

from __future__ import annotations

import time
from typing import Any

from fleet.actions import Call, _reach
from fleet.errors import FleetError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "wait_for_connection", "Wait until a host can be reached and its runner answers",
    {
        "delay": Opt("float", "Seconds to wait before the first attempt.", default=0.0),
        "sleep": Opt("float", "Seconds between the first attempts; the pauses grow.", default=1.0),
        "connect_timeout": Opt("float", "Seconds one attempt may take.", default=5.0),
        "timeout": Opt("float", "Seconds to wait altogether.", default=600.0),
    },
    returns={"elapsed": Ret("int", "Whole seconds it took.")},
    examples="- wait_for_connection: {timeout: 120}\n",
    notes=["Observing only, it waits under check as well. Give the play `gather_facts: false`, or the facts are asked for before."],
)


def run(call: Call) -> dict[str, Any]:
    args = call.args
    began = time.monotonic()
    call.sleep(max(args.delay, 0.0))
    trouble = _reach.until(call, lambda found: True, "ping", {}, args.timeout, args.connect_timeout, args.sleep)
    if trouble is not None:
        raise FleetError(f"it could not be reached within {args.timeout:g} s: {trouble}", host=call.host)
    return {"elapsed": int(time.monotonic() - began)}

"""Apply a playbook and die, as if by SIGKILL, at the N-th thing done outside the engine: `python -m tests.virt.dying N FOLDER`.

With a third argument only what changes something on the hypervisor is counted, inside an action too (see tests.virt.breaking).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fleet.engine.call import ActionCall
from tests.engine.harness import Site
from tests.virt.breaking import Breaking


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(last: int, folder: Path, inside: bool) -> int:
    site = Site.__new__(Site)
    site.path = folder
    if inside:
        with Breaking(last, die):
            return site.run(name="play.yml").status
    done = 0
    blocking = ActionCall.blocking

    def counted(self: ActionCall, function: Callable[..., Any], *args: Any) -> Any:
        nonlocal done
        done += 1
        if done > last:
            die()
        return blocking(self, function, *args)

    ActionCall.blocking = counted  # type: ignore[method-assign]
    return site.run(name="play.yml").status


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), bool(sys.argv[3:])))

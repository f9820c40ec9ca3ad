from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fleet.lockfile import LockFile


def test_it_goes_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "new/lock"
    code = "import sys, pathlib, fleet.lockfile as l; mine = l.LockFile(pathlib.Path(sys.argv[1])); print(mine.acquire(), flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "True\n"
    mine = LockFile(path)
    assert mine.held() and not mine.acquire() and mine.holder() == str(holder.pid)
    holder.kill()
    holder.communicate()
    assert not mine.held() and mine.acquire() and mine.held() and not LockFile(path).acquire()
    mine.release(remove=True)
    assert not mine.held() and not path.exists()

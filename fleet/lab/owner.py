"""The lab is made by root for whoever asked sudo for it, who then works with it as themselves."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def hand_over(folder: Path, shared: Path) -> None:
    """Give the person behind sudo what belongs to a person: the lab's folder, its key and lists, and the folders above them in their home.

    The hosts' own files and the base root stay root's.
    """
    if "SUDO_UID" not in os.environ:
        return
    person = pwd.getpwuid(int(os.environ["SUDO_UID"]))
    home = Path(person.pw_dir)
    above = [path for path in (folder, *folder.parents) if home in path.parents]
    for path in (*above, *(each for each in folder.iterdir() if each.is_file()), *shared.glob("id*")):
        if path.stat().st_uid == 0:
            os.chown(path, person.pw_uid, person.pw_gid)

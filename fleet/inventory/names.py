"""What names, addresses, users and ports may be, so that none of them can be an option of ssh or break out of a command or file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fleet.errors import InventoryError, Pos
from fleet.trust import Trusted
from fleet.yamlfile import Map

_CONNECTION = {"ansible_host", "ansible_user", "ansible_port", "ansible_ssh_host", "ansible_ssh_user", "ansible_ssh_port"}
_HOSTILE = re.compile(r"^-|[\s;$`|&<>\"'\x00-\x1f\x7f]")


def checked(name: str, what: str, pos: Pos | None = None) -> str:
    """A host's or group's name. Raises InventoryError for one that could be an option, or break out of a command or file."""
    if not name or _HOSTILE.search(name) or not name.isprintable() or any(c in "\\(){}[]," for c in name):
        raise InventoryError(f"{name!r} cannot be the name of a {what}", pos=pos,
                             hint="names hold no spaces, brackets or shell characters and do not begin with '-'")
    return name


def check_connection(values: Mapping[str, Any], pos: Pos | None = None) -> None:
    """Addresses, users and ports among variables. Raises InventoryError for one that ssh could take for an option, or a shell for a command."""
    for key in _CONNECTION & values.keys():
        value = values[key]
        if isinstance(value, Trusted) or value is None or value == "":
            continue
        text = str(value)
        if _HOSTILE.search(text) or (key.endswith("port") and not (text.isdecimal() and 0 < int(text) < 65536)):
            raise InventoryError(f"{key} cannot be {text!r}", pos=values.at(key) if isinstance(values, Map) else pos)

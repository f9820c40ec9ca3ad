"""What a guest is from birth: names that are safe everywhere, and a UUID, MAC address and SSH host key that never change for a name."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fleet.errors import VirtError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_SPACE = uuid.UUID("6a2f1b86-3d0c-5b43-9a35-f1ee70000001")


def checked(name: str, what: str) -> str:
    """The name itself. Raises VirtError for one that could be an option, a path or markup somewhere."""
    if not _NAME.fullmatch(name):
        raise VirtError(f"'{name}' cannot be the name of a {what}", hint="use letters, digits, '.', '_' and '-', beginning with a letter or digit")
    return name


def uuid_of(kind: str, name: str) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}/{name}"))


def mac_of(guest: str, index: int = 0) -> str:
    """A locally administered address in QEMU's range, derived from the guest's name and the interface's number."""
    digest = uuid.uuid5(_SPACE, f"mac/{guest}/{index}").bytes
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def host_key(guest: str, hypervisor: str) -> tuple[str, str]:
    """The guest's SSH host key (private OpenSSH text, public line), made once and kept in the state folder, readable by its owner only."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "host-keys"
    path = state / f"{checked(hypervisor, 'hypervisor')}+{checked(guest, 'guest')}"
    if path.exists():
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    else:
        key = Ed25519PrivateKey.generate()
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        temporary = path.with_name(path.name + f".{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        temporary.rename(path)
    private = path.read_text()  # as written once: serializing it anew gives other bytes each time
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    return private, public


def moved(guest: str, source: str, target: str) -> None:
    """A guest goes to another hypervisor and keeps its host key."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "host-keys"
    old, new = (state / f"{checked(host, 'hypervisor')}+{checked(guest, 'guest')}" for host in (source, target))
    if old.exists():
        old.replace(new)


def pinned(known_hosts: Path, address: str, public: str) -> bool:
    """Whether the file has this key for `address`."""
    return known_hosts.exists() and f"{address} {public}" in known_hosts.read_text().splitlines()


def pin(known_hosts: Path, address: str, public: str) -> None:
    """Write it, replacing another key of that address."""
    lines = known_hosts.read_text().splitlines() if known_hosts.exists() else []
    kept = [each for each in lines if each.split(" ", 1)[0] != address]
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    temporary = known_hosts.with_name(f".{known_hosts.name}.{os.getpid()}")
    temporary.write_text("".join(f"{each}\n" for each in [*kept, f"{address} {public}"]))
    temporary.rename(known_hosts)

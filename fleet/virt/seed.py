"""The NoCloud seed: what cloud-init reads on a guest's first boot, as a small ISO image."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def user_data(hostname: str, authorized_keys: Sequence[str], host_key: tuple[str, str] | None, more: Mapping[str, Any] | str | None) -> str:
    """The #cloud-config text. more: the user's own, a mapping merged on top or a complete text taken as it is."""
    if isinstance(more, str):
        return more
    data: dict[str, Any] = {"hostname": hostname, "disable_root": False, "ssh_pwauth": False}
    if authorized_keys:
        data["users"] = [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": list(authorized_keys)}]
    if host_key is not None:
        data["ssh_deletekeys"] = True
        data["ssh_genkeytypes"] = []
        data["ssh_keys"] = {"ed25519_private": host_key[0], "ed25519_public": host_key[1]}
    return "#cloud-config\n" + yaml.safe_dump({**data, **(more or {})}, sort_keys=True, allow_unicode=True)


def meta_data(hostname: str, user: str, network: str | None) -> str:
    """The instance id follows the content, so that a changed seed is applied at the next boot of a new instance."""
    digest = hashlib.sha256(json.dumps([hostname, user, network]).encode()).hexdigest()[:12]
    return f"instance-id: {hostname}-{digest}\nlocal-hostname: {hostname}\n"


def digest(files: Mapping[str, str]) -> str:
    """What a seed's volume is named by: equal content, equal name."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()[:12]


def iso(files: Mapping[str, str]) -> bytes:
    """An ISO 9660 image labelled cidata with these files (Rock Ridge and Joliet names)."""
    import pycdlib

    image = pycdlib.PyCdlib()
    image.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for name, text in files.items():
        data = text.encode()
        image.add_fp(io.BytesIO(data), len(data), f"/{name.upper().replace('-', '_')}.;1", rr_name=name, joliet_path=f"/{name}")
    out = io.BytesIO()
    image.write_fp(out)
    image.close()
    return out.getvalue()

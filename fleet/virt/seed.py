"""First-boot data: what cloud-init (NoCloud) or Windows' setup reads, as a small ISO image."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from fleet.errors import VirtError

ROUND = 1 << 20  # images are padded to whole MiB, so that an edit fits into the volume that a running guest has open


class _Dumper(yaml.SafeDumper):
    """Data of playbooks knows where it was written; YAML has it as plain data."""


_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
_Dumper.add_multi_representer(str, yaml.SafeDumper.represent_str)


def cloud_config(data: Mapping[str, Any]) -> str:
    return "#cloud-config\n" + yaml.dump(dict(data), Dumper=_Dumper, sort_keys=True, allow_unicode=True)


def user_data(hostname: str, authorized_keys: Sequence[str], host_key: tuple[str, str] | None, more: Mapping[str, Any] | str | None,
              early: bool = False) -> str:
    """The #cloud-config text. more: the user's own, a mapping merged on top or a complete text taken as it is. early: the seed has `identity` too."""
    if isinstance(more, str):
        return whole(more)
    data: dict[str, Any] = {"hostname": hostname, "disable_root": False, "ssh_pwauth": False}
    if authorized_keys:
        data["users"] = [{"name": "root", "lock_passwd": True, "ssh_authorized_keys": list(authorized_keys)}]
    if host_key is not None:
        data["ssh_deletekeys"] = not early  # sshd runs by then
        data["ssh_keys"] = {"ed25519_private": host_key[0], "ed25519_public": host_key[1]}
    more = dict(more or {})
    if data.get("users") and isinstance(more.get("users"), list):
        more["users"] = [*data["users"], *more["users"]]
    return cloud_config({**data, **more})


def identity(authorized_keys: Sequence[str], host_key: tuple[str, str]) -> dict[str, str]:
    """What makes a guest itself, as files: images of fleet's own take it up before cloud-init begins, which is late."""
    keys = {"fleet-authorized-keys": "".join(f"{each}\n" for each in authorized_keys)} if authorized_keys else {}
    return {"fleet-host-key": host_key[0], "fleet-host-key.pub": f"{host_key[1]}\n", **keys}


def whole(text: str) -> str:
    """A user's own complete text. Raises VirtError for a cloud-config that cloud-init could not read: it would go on without a word."""
    if text.partition("\n")[0].rstrip() == "#cloud-config":
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise VirtError(f"user_data is no YAML: {' '.join(str(error).split())}") from None
        if not isinstance(data, (dict, type(None))):
            raise VirtError(f"user_data begins with #cloud-config and is a {type(data).__name__}, not a mapping")
    return text


def meta_data(hostname: str, instance: str) -> str:
    """instance: the guest's id for cloud-init, the same for its whole life: what changes in the data later is given to the running guest, and a
    new id would make cloud-init do everything again."""
    return f"instance-id: {instance}\nlocal-hostname: {hostname}\n"


def answers(text: str) -> str:
    """Windows' answer file. Raises VirtError for what its setup would pass over without a word."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise VirtError(f"unattended is no well-formed XML: {error}") from None
    if root.tag != "{urn:schemas-microsoft-com:unattend}unattend":
        raise VirtError(f"unattended begins with <{root.tag.rpartition('}')[2]}>, not with <unattend xmlns=\"urn:schemas-microsoft-com:unattend\">")
    return text


def digest(files: Mapping[str, str]) -> str:
    """Equal content, equal digest."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()[:16]


def iso(files: Mapping[str, str], label: str = "cidata") -> bytes:
    """An ISO 9660 image with these files (Rock Ridge and Joliet names), padded to ROUND."""
    import pycdlib

    image = pycdlib.PyCdlib()
    image.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident=label)
    for name, text in files.items():
        data = text.encode()
        plain = name.upper().replace("-", "_")
        image.add_fp(io.BytesIO(data), len(data), f"/{plain}{'' if '.' in plain else '.'};1", rr_name=name, joliet_path=f"/{name}")
    out = io.BytesIO()
    image.write_fp(out)
    image.close()
    made = out.getvalue()
    return made + b"\0" * (-len(made) % ROUND)

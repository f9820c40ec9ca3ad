"""Ignition's configuration, checked before a guest is made: what it is written in is named here once, after the specification of version 3
(https://coreos.github.io/ignition/specs/). A guest that cannot read it boots and says nothing where anybody looks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fleet.errors import VirtError

_VERSION = re.compile(r"([23])\.[0-9]+\.[0-9]+(-experimental)?")
_RESOURCE: dict[str, Any] = {"source": str, "compression": str, "httpHeaders": [{"name!": str, "value": str}], "verification": {"hash": str}}
_OWNER: dict[str, Any] = {"id": int, "name": str}
_NODE: dict[str, Any] = {"path!": str, "overwrite": bool, "user": _OWNER, "group": _OWNER}
_CLEVIS: dict[str, Any] = {"tpm2": bool, "threshold": int, "tang": [{"url!": str, "thumbprint": str, "advertisement": str}],
                           "custom": {"pin": str, "config": str, "needsNetwork": bool}}
# A mapping's fields, "!" after those it must have; [x] is a list of x.
CONFIG: dict[str, Any] = {
    "ignition!": {
        "version!": str, "config": {"merge": [_RESOURCE], "replace": _RESOURCE}, "timeouts": {"httpResponseHeaders": int, "httpTotal": int},
        "security": {"tls": {"certificateAuthorities": [_RESOURCE]}}, "proxy": {"httpProxy": str, "httpsProxy": str, "noProxy": [str]}},
    "storage": {
        "disks": [{"device!": str, "wipeTable": bool, "partitions": [{
            "label": str, "number": int, "sizeMiB": int, "startMiB": int, "typeGuid": str, "guid": str, "wipePartitionEntry": bool, "shouldExist": bool,
            "resize": bool}]}],
        "raid": [{"name!": str, "level": str, "spares": int, "devices": [str], "options": [str]}],
        "luks": [{"name!": str, "label": str, "uuid": str, "device": str, "keyFile": _RESOURCE, "wipeVolume": bool, "clevis": _CLEVIS,
                  "cex": {"enabled": bool}, "options": [str], "discard": bool, "openOptions": [str]}],
        "filesystems": [{"device!": str, "path": str, "format": str, "options": [str], "mountOptions": [str], "wipeFilesystem": bool, "label": str,
                         "uuid": str}],
        "files": [{**_NODE, "mode": int, "contents": _RESOURCE, "append": [_RESOURCE]}],
        "directories": [{**_NODE, "mode": int}],
        "links": [{**_NODE, "target": str, "hard": bool}]},
    "systemd": {"units": [{"name!": str, "enabled": bool, "mask": bool, "contents": str, "dropins": [{"name!": str, "contents": str}]}]},
    "passwd": {
        "users": [{"name!": str, "passwordHash": str, "sshAuthorizedKeys": [str], "uid": int, "gecos": str, "homeDir": str, "noCreateHome": bool,
                   "primaryGroup": str, "groups": [str], "noUserGroup": bool, "system": bool, "noLogInit": bool, "shell": str, "shouldExist": bool}],
        "groups": [{"name!": str, "gid": int, "passwordHash": str, "system": bool, "shouldExist": bool}]},
    "kernelArguments": {"shouldExist": [str], "shouldNotExist": [str]},
}
_KINDS = {str: "a text", int: "a whole number", bool: "true or false"}


def text(given: Any) -> str:
    """The file for a guest: of a mapping or JSON text. Raises VirtError for what Ignition could not read, naming the place in it.

    Of version 2, which Flatcar still reads, only that it is one is checked.
    """
    data = given
    if isinstance(given, str):
        try:
            data = json.loads(given)
        except ValueError as error:
            raise VirtError(f"ignition is no JSON: {error}", hint="Butane's YAML is made into it by `butane`") from None
    version = data.get("ignition", {}).get("version") if isinstance(data, Mapping) and isinstance(data.get("ignition"), Mapping) else None
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise VirtError(f"ignition needs ignition.version, such as 3.4.0{f', not {version!r}' if version is not None else ''}")
    if match.group(1) == "3":
        _check(data, CONFIG, "")
        _meant(data)
    return given if isinstance(given, str) else json.dumps(data, sort_keys=True)


def _check(value: Any, shape: Any, at: str) -> None:
    if value is None:
        return  # as if it were not there
    if isinstance(shape, dict):
        if not isinstance(value, Mapping):
            raise VirtError(f"ignition: {at} is a mapping, not {value!r}")
        fields = {name.rstrip("!"): inner for name, inner in shape.items()}
        for name in value:
            if name not in fields:
                raise VirtError(f"ignition: {at or 'it'} has no field '{name}'", hint=f"it has {', '.join(sorted(fields))}")
        for name in shape:
            if name.endswith("!") and value.get(name[:-1]) is None:
                raise VirtError(f"ignition: {at} needs '{name[:-1]}'")
        for name, inner in value.items():
            _check(inner, fields[name], f"{at}.{name}".lstrip("."))
    elif isinstance(shape, list):
        if not isinstance(value, (list, tuple)):
            raise VirtError(f"ignition: {at} is a list, not {value!r}")
        for number, inner in enumerate(value):
            _check(inner, shape[0], f"{at}[{number}]")
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        raise VirtError(f"ignition: {at} is {_KINDS[shape]}, not {value!r}", hint="JSON has no octal numbers: 0644 is 420" if at.endswith(".mode") else "")


def _meant(data: Mapping[str, Any]) -> None:
    """What types do not say: paths are absolute and each is there once, modes are modes."""
    seen: set[str] = set()
    for kind in ("files", "directories", "links"):
        for number, node in enumerate((data.get("storage") or {}).get(kind) or ()):
            at, path = f"storage.{kind}[{number}]", node["path"]
            if not path.startswith("/"):
                raise VirtError(f"ignition: {at}.path is absolute, not '{path}'")
            if path in seen:
                raise VirtError(f"ignition: {path} is there twice")
            seen.add(path)
            if not 0 <= (node.get("mode") or 0) <= 0o7777:
                raise VirtError(f"ignition: {at}.mode is from 0 to 4095, not {node['mode']}", hint="JSON has no octal numbers: 0644 is 420")

"""The -e values of a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleet import yamlfile
from fleet.errors import Pos, UsageError
from fleet.trust import trust
from fleet.yamlfile import Decrypt


def parse(values: Sequence[str], decrypt: Decrypt | None = None) -> dict[str, Any]:
    """`k=v k2=v2` (strings), a JSON or YAML mapping, or @FILE of one; later ones win. Raises UsageError or SourceError."""
    found: dict[str, Any] = {}
    for value in values:
        text = value.strip()
        if text.startswith("@"):
            path = Path(text[1:]).expanduser()
            if not path.is_file():
                raise UsageError(f"there is no variables file {text[1:]}", hint="-e @FILE reads a YAML or JSON mapping")
            data = yamlfile.read(path, decrypt=decrypt)
        elif text.startswith(("{", "[")):
            data = yamlfile.load(text, "-e", decrypt=decrypt)
        else:
            try:
                words = shlex.split(text)
            except ValueError as error:
                raise UsageError(f"-e {value}: {error}") from None
            wrong = next((word for word in words if "=" not in word), None)
            if wrong is not None:
                raise UsageError(f"-e {value}: '{wrong}' is not NAME=VALUE", hint="write -e name=value, -e '{\"name\": 1}' or -e @file.yml")
            data = trust(dict(word.split("=", 1) for word in words))
        if data is not None and not isinstance(data, Mapping):
            raise UsageError(f"-e {value}: this is no mapping of names to values", pos=Pos(text[1:]) if text.startswith("@") else None)
        found.update(data or {})
    return found

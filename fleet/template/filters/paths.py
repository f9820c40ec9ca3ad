"""Filters over paths and URLs."""

from __future__ import annotations

import glob
import ntpath
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from fleet.errors import TemplateError


def path_join(parts: Any) -> str:
    return os.path.join(*([parts] if isinstance(parts, str) else parts))


def url_split(value: str, query: str = "") -> Any:
    found = urlsplit(value)
    parts = {name: getattr(found, name) for name in ("scheme", "netloc", "path", "query", "fragment", "username", "password", "hostname", "port")}
    if query and query not in parts:
        raise TemplateError(f"urlsplit has no part '{query}'")
    return parts[query] if query else parts


def url_encode(value: Any) -> str:
    if isinstance(value, dict):
        return "&".join(f"{quote_plus(str(k))}={quote_plus(str(v))}" for k, v in value.items())
    return quote(str(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "basename": os.path.basename, "dirname": os.path.dirname, "expanduser": os.path.expanduser, "expandvars": os.path.expandvars,
    "realpath": os.path.realpath, "relpath": os.path.relpath, "splitext": lambda path: list(os.path.splitext(path)), "path_join": path_join,
    "normpath": os.path.normpath, "commonpath": os.path.commonpath,
    "fileglob": lambda pattern: sorted(path for path in glob.glob(pattern) if os.path.isfile(path)),
    "win_basename": ntpath.basename, "win_dirname": ntpath.dirname, "win_splitdrive": lambda path: list(ntpath.splitdrive(path)),
    "urlsplit": url_split, "urlencode": url_encode,
}

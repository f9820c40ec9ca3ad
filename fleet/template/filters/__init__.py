"""Jinja filters: `| NAME`, by subject. What they return is data, never a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleet.errors import TemplateError, nearest
from fleet.template.filters import data, paths, text

FILTERS: dict[str, Callable[..., Any]] = {**data.FILTERS, **text.FILTERS, **paths.FILTERS}


def lookup_filter(name: str) -> Callable[..., Any]:
    """A filter by name. Raises TemplateError."""
    if name not in FILTERS:
        raise TemplateError(f"there is no filter '{name}'", hint=nearest(name, FILTERS))
    return FILTERS[name]

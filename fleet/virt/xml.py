"""What the XML of all of libvirt's objects has in common: elements that hold values safely, and the difference of what was read from two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET


def add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    """A child element. Values are escaped when they are written, so nothing declared can become markup."""
    element = ET.SubElement(parent, tag, {name.rstrip("_"): value for name, value in attributes.items()})
    element.text = text
    return element


def attribute(root: ET.Element, tag: str, name: str) -> str | None:
    """An attribute of the first element at a path, or None."""
    element = root.find(tag)
    return element.get(name) if element is not None else None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(field, before, after) for every field that differs."""
    keys: Sequence[str] = list(dict.fromkeys([*after, *before]))
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]

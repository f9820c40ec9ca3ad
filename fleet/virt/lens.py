"""Ways to read one thing out of an XML element and to write it there: for each, what was written is what is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from fleet.virt.drivers import Driver
from fleet.virt.view import PREFIX

Read = Callable[[ET.Element], Any]
Write = Callable[[ET.Element, Any, Driver], None]


class Lens(NamedTuple):
    """read(element) gives the value, None where nothing is said; write(element, value, driver) makes that so."""

    read: Read
    write: Write


def ensure(root: ET.Element, path: str) -> ET.Element:
    """The element at a path, made with what leads to it where it is missing."""
    element = root
    for tag in path.split("/"):
        if tag in ("", "."):
            continue
        found = element.find(tag)
        element = found if found is not None else ET.SubElement(element, tag)
    return element


def drop(root: ET.Element, path: str) -> None:
    """Remove every element at a path."""
    parent, _, tag = path.rpartition("/")
    holder = root.find(parent) if parent else root
    for element in holder.findall(tag) if holder is not None else ():
        holder.remove(element)  # type: ignore[union-attr]


def text(path: str, kind: Callable[[str], Any] = str) -> Lens:
    """The text of an element; it goes when the value is empty."""
    def read(root: ET.Element) -> Any:
        found = root.findtext(path)
        return kind(found) if found else None

    def write(root: ET.Element, value: Any, driver: Driver) -> None:
        if value in (None, ""):
            drop(root, path)
        else:
            ensure(root, path).text = str(value)
    return Lens(read, write)


def attribute(path: str, name: str, kind: Callable[[str], Any] = str, default: Any = None) -> Lens:
    """An attribute of an element; default: what its absence means."""
    def read(root: ET.Element) -> Any:
        found = root.find(path) if path != "." else root
        value = found.get(name) if found is not None else None
        return default if value is None else kind(value)

    def write(root: ET.Element, value: Any, driver: Driver) -> None:
        if value is None or (value == default and root.find(path) is None):
            found = root.find(path)
            if found is not None:
                found.attrib.pop(name, None)
            return
        (ensure(root, path) if path != "." else root).set(name, {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value))
    return Lens(read, write)


def note(name: str, kind: Callable[[str], Any] = str, default: Any = None) -> Lens:
    """What fleet notes about an element, or libvirt knows about it beside its XML (see fleet.virt.view)."""
    return attribute(".", PREFIX + name, kind, default)


def yes(value: str) -> bool:
    return value in ("yes", "on", "1", "true")


def flag(path: str) -> Lens:
    """Whether an element is there."""
    def write(root: ET.Element, value: Any, driver: Driver) -> None:
        if value:
            ensure(root, path)
        else:
            drop(root, path)
    return Lens(lambda root: root.find(path) is not None, write)


def device(path: str, read: Callable[[ET.Element], Any], make: Callable[[Any, Driver], ET.Element | None], absent: Any) -> Lens:
    """A device of which there is one: `absent` is the value that means none. A written one replaces it whole."""
    parent = path.rpartition("/")[0]

    def look(root: ET.Element) -> Any:
        found = root.find(path)
        return absent if found is None else read(found)

    def write(root: ET.Element, value: Any, driver: Driver) -> None:
        drop(root, path)
        if value != absent:
            made = make(value, driver)
            if made is not None:
                ensure(root, parent).append(made)
    return Lens(look, write)


def element(tag: str, attributes: Mapping[str, str] | None = None, *children: ET.Element, text: str | None = None) -> ET.Element:
    made = ET.Element(tag, dict(attributes or {}))
    made.text = text
    made.extend(children)
    return made

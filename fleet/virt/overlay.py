"""Raw XML laid over a domain: for what fleet has no option for."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from fleet.errors import VirtError

# Of these a guest has many, so an overlay adds one; elsewhere the overlay's element is the one that is there.
_MANY = frozenset({"disk", "interface", "hostdev", "channel", "controller", "filesystem", "input", "redirdev", "smartcard", "sound", "hub", "shmem",
                   "memory", "serial", "parallel", "console", "rng", "feature", "cell", "vcpupin", "arg", "env", "entry", "timer"})
_IDENTITY = ("name", "dev", "address", "vcpu", "id", "type", "index", "value")
_FORBIDDEN = ("name", "uuid", "metadata")


def parse(text: str) -> ET.Element:
    """The overlay's tree. Raises VirtError for what is not a piece of a domain."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise VirtError("the xml of a guest may not declare entities")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise VirtError(f"the xml of a guest cannot be read: {error}", hint="it is one <domain> element with what is to be added or set") from None
    if root.tag != "domain":
        raise VirtError(f"the xml of a guest is a <domain> element, not <{root.tag}>")
    wrong = [child.tag for child in root if child.tag in _FORBIDDEN]
    if wrong or root.get("type"):
        raise VirtError(f"the xml of a guest cannot set its {(wrong or ['type'])[0]}", hint="there is an option for that")
    return root


def merge(root: ET.Element, text: str) -> None:
    """Lay an overlay over a domain: attributes and texts are set, elements of which there may be many are added unless one like them is there."""
    _merge(root, parse(text))


def _merge(into: ET.Element, overlay: ET.Element) -> None:
    into.attrib.update(overlay.attrib)
    if overlay.text and overlay.text.strip():
        into.text = overlay.text
    for child in overlay:
        found = _counterpart(into, child)
        if found is None:
            found = ET.SubElement(into, child.tag)
        _merge(found, child)


def _counterpart(into: ET.Element, child: ET.Element) -> ET.Element | None:
    same = into.findall(child.tag)
    if child.tag.rpartition("}")[2] in _MANY:
        return next((each for each in same if _like(each, child)), None)
    return same[0] if same else None


def _like(there: ET.Element, wanted: ET.Element) -> bool:
    """Whether everything that identifies the wanted element is said of the one that is there."""
    def marks(element: ET.Element) -> set[tuple[str, str, str]]:
        return {(each.tag, name, each.attrib[name]) for each in element.iter() for name in _IDENTITY if name in each.attrib}
    return marks(wanted) <= marks(there) and (there.text or "").strip() == (wanted.text or "").strip()

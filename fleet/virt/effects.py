"""What a change of a guest does to it: the shape of the table that XML, comparison, plan, apply, documentation and tests follow from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from xml.etree import ElementTree as ET

from fleet.virt.drivers import Driver
from fleet.virt.guest import Cell, Guest
from fleet.virt.lens import Lens


class Effect(str, Enum):
    """When a change takes effect, and what it costs."""

    LIVE = "live"  # at once, the guest runs on
    BOOT = "next boot"  # when the guest's system boots again; a reboot from inside is enough
    RESTART = "restart"  # when the guest is powered off and started: hardware that only a new machine has
    RECREATE = "recreation"  # a disk is made anew and its data is lost

    def __str__(self) -> str:
        return self.value


class Live(Protocol):
    """What a live change is given: the domain, its libvirt, its live view (the stored one where it does not run), and the stored one."""

    libvirt: Any
    domain: Any
    view: ET.Element
    stored: ET.Element


@dataclass(frozen=True)
class Row:
    """One field. name: the attribute of the declared object that holds it (see fleet.virt.guest).

    lens reads it out of a view and writes it there. effect: a class, or effect(before, after, live view) where it depends on the values.
    live(live, element, value) changes it in a running guest (element: of the live view; the new value). beside(live, element, value) changes
    what libvirt keeps beside the XML, running or not. same(now, wanted) where equal is too strict. loses: which data a recreation costs.
    late(live view, now, wanted): the running guest has yet to follow, in its own time; that is no difference.
    noted: only fleet knows it, so the running machine does not show it. unit: of its value.
    """

    name: str
    doc: str
    effect: Effect | Callable[[Any, Any, ET.Element | None], Effect]
    lens: Lens
    live: Callable[[Live, ET.Element, Any], None] | None = None
    beside: Callable[[Live, ET.Element, Any], None] | None = None
    same: Callable[[Any, Any], bool] | None = None
    loses: str = ""
    when: str = ""  # for the documentation: on what the effect depends
    noted: bool = False
    late: Callable[[ET.Element, Any, Any], bool] | None = None
    unit: str = ""

    def show(self, value: Any) -> Any:
        """A value as people read it."""
        return readable(value, self.unit)

    def equal(self, now: Any, wanted: Any) -> bool:
        return bool(self.same(now, wanted)) if self.same else bool(now == wanted)

    def of(self, before: Any, after: Any, live: ET.Element | None) -> Effect:
        return self.effect if isinstance(self.effect, Effect) else self.effect(before, after, live)


@dataclass(frozen=True)
class Kind:
    """A kind of device, of which a guest has several, and its rows.

    field: the attribute of Guest that holds the declared ones. find(view, device) gives its element; make(device, guest, driver, view) adds one to
    a view, without its rows; others(view, guest) are the elements that are there and not declared. label(device or element) names it in plans.
    plug(element): the effect of adding or removing it. key(element): what identifies it in two views of the same guest;
    spot(element): in one.
    """

    name: str
    field: str
    doc: str
    rows: tuple[Row, ...]
    find: Callable[[ET.Element, Any], ET.Element | None]
    make: Callable[[Any, Guest, Driver, ET.Element], ET.Element]
    others: Callable[[ET.Element, Guest], Iterator[ET.Element]]
    all: Callable[[ET.Element], Iterator[ET.Element]]
    label: Callable[[Any], str]
    key: Callable[[ET.Element], str]
    spot: Callable[[ET.Element], str]
    plug: Callable[[ET.Element], Effect]
    when: str = ""


def readable(value: Any, unit: str = "") -> Any:
    """A field's value as plans show it: sizes with their unit, what has parts in one line."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and unit:
        number, names = value * (1024 if unit == "KiB" else 1), ["bytes", "KiB", "MiB", "GiB", "TiB"]
        while number and number % 1024 == 0 and len(names) > 1:
            number //= 1024
            names.pop(0)
        return f"{number} {names[0]}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={readable(each, unit)}" for key, each in value.items()) or "none"
    if isinstance(value, (tuple, list)):
        return ", ".join(str(readable(each, unit)) for each in value) or "none"
    if isinstance(value, Cell):
        return f"cpus {value.cpus} with {readable(value.memory, 'KiB')}" + (f" of host {value.host}" if value.host else "")
    return value

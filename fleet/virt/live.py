"""How a running guest is changed: one function a field, each for the running machine only (what is stored is written by its definition)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError
from fleet.virt.effects import Live
from fleet.virt.guest import LIMITS
from fleet.virt.view import PREFIX, target

FOLLOW = 30.0  # seconds that a guest may take to give or take memory
DETACH = 60.0  # seconds that a guest may take to let a device go


def memory(live: Live, element: ET.Element, value: int) -> None:
    """Give or take memory by the balloon, and wait until the guest has followed."""
    libvirt = live.libvirt
    arrived = threading.Event()

    def seen(connection: Any, domain: Any, actual: int, opaque: Any) -> None:
        if actual == value:
            arrived.set()

    connection = live.domain.connect()
    number = connection.domainEventRegisterAny(live.domain, libvirt.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, seen, None)
    try:
        live.domain.setMemoryFlags(value, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        followed = connection.getType() != "QEMU" or live.domain.info()[2] == value or arrived.wait(FOLLOW) or live.domain.info()[2] == value
        if not followed:
            raise VirtError("the guest does not follow its balloon", hint="does its system have the virtio_balloon driver, and is it up?")
    finally:
        connection.domainEventDeregisterAny(number)


def vcpus(live: Live, element: ET.Element, value: int) -> None:
    """Plug the CPUs in, and bring them online where the guest's agent answers."""
    live.domain.setVcpusFlags(value, live.libvirt.VIR_DOMAIN_AFFECT_LIVE)
    end = time.monotonic() + FOLLOW
    while _agent(live.view) and time.monotonic() < end:
        try:
            live.domain.setVcpusFlags(value, live.libvirt.VIR_DOMAIN_VCPU_GUEST)
            return
        except live.libvirt.libvirtError as error:
            if "less cpu" not in error.get_error_message():
                return  # a system that brings them online by itself needs no help; one that does not fails the check of the guest's own view
        time.sleep(0.5)  # its system has not noticed them yet


def _agent(view: ET.Element) -> bool:
    return any(each.get("name") == "org.qemu.guest_agent.0" and each.get("state") == "connected" for each in view.iterfind("devices/channel/target"))


def pin(live: Live, element: ET.Element, value: dict[int, str]) -> None:
    from fleet.virt.table import cpus
    total = live.domain.connect().getInfo()[2]
    for cpu in range(int(element.findtext("vcpu") or 1)):
        wanted = cpus(value[cpu]) if cpu in value else set(range(total))
        try:
            live.domain.pinVcpuFlags(cpu, tuple(each in wanted for each in range(total)), live.libvirt.VIR_DOMAIN_AFFECT_LIVE)
        except live.libvirt.libvirtError:
            if cpu in value:
                raise


def scheduler(name: str, value_of: Callable[[int], int]) -> Callable[[Live, ET.Element, int], None]:
    def change(live: Live, element: ET.Element, value: int) -> None:
        parameters = {name: value_of(value)}
        if name == "vcpu_quota":
            parameters["vcpu_period"] = 100000
        live.domain.setSchedulerParametersFlags(parameters, live.libvirt.VIR_DOMAIN_AFFECT_LIVE)
    return change


def description(live: Live, element: ET.Element, value: str) -> None:
    live.domain.setMetadata(live.libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, value or None, None, None, live.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def autostart(live: Live, element: ET.Element, value: bool) -> None:
    live.domain.setAutostart(int(value))


def limits(live: Live, element: ET.Element, value: dict[str, int]) -> None:
    # One call may lower a limit or lift it; all are named, so that none of before stays.
    parameters = {libvirts: value.get(ours, 0) for ours, libvirts in LIMITS.items()}
    live.domain.setBlockIoTune(target(element), parameters, live.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def size(live: Live, element: ET.Element, value: int) -> None:
    """Grow a disk: through QEMU where it is open, else its volume."""
    if live.domain.isActive():
        live.domain.blockResize(target(element), value, live.libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    else:
        live.domain.connect().storageVolLookupByPath(element.get(PREFIX + "path")).resize(value, 0)


def traffic(live: Live, element: ET.Element, value: dict[str, int]) -> None:
    mac = element.find("mac")
    parameters = {f"{way}.average": value.get(ours, 0) for ours, way in (("in", "inbound"), ("out", "outbound"))}
    live.domain.setInterfaceParameters(mac.get("address") if mac is not None else "", parameters, live.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def attach(live: Live, element: ET.Element) -> None:
    """Plug a device in where its stored definition has it, else where there is room."""
    text = _plain(element)
    flags = live.libvirt.VIR_DOMAIN_AFFECT_LIVE
    try:
        live.domain.attachDeviceFlags(text, flags)
    except live.libvirt.libvirtError:
        bare = ET.fromstring(text)
        if bare.find("address") is None:
            raise
        bare.remove(bare.find("address"))  # type: ignore[arg-type]
        live.domain.attachDeviceFlags(ET.tostring(bare, encoding="unicode"), flags)


def update(live: Live, element: ET.Element) -> None:
    live.domain.updateDeviceFlags(_plain(element), live.libvirt.VIR_DOMAIN_AFFECT_LIVE)


def detach(live: Live, element: ET.Element) -> None:
    """Ask the guest to let a device go, and wait until it has."""
    libvirt = live.libvirt
    alias = element.find("alias")
    name = alias.get("name") if alias is not None else None
    gone, refused = threading.Event(), threading.Event()

    def removed(connection: Any, domain: Any, device: str, opaque: Any) -> None:
        if device == name:
            opaque.set()

    connection = live.domain.connect()
    numbers = [connection.domainEventRegisterAny(live.domain, event, removed, flag) for event, flag in (
        (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, gone), (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, refused))]
    try:
        live.domain.detachDeviceFlags(_plain(element), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        waited = 0.0
        while name and waited < DETACH and not gone.wait(0.5) and not refused.is_set():
            waited += 0.5
            if f"'{name}'" not in live.domain.XMLDesc():
                return
    finally:
        for number in numbers:
            connection.domainEventDeregisterAny(number)
    if name and not gone.is_set():
        raise VirtError(f"the guest does not let its device {name} go", hint="its system must be running to do so; it goes at the next restart at the latest")


def _plain(element: ET.Element) -> str:
    copy = ET.fromstring(ET.tostring(element))
    for name in [name for name in copy.attrib if name.startswith(PREFIX)]:
        del copy.attrib[name]
    return ET.tostring(copy, encoding="unicode")

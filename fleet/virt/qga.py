"""The QEMU guest agent's protocol: one request, one answer, as libvirt passes them on; and the small dialogues made of them.

An answer does not say which request it is for. One that was asked for by somebody whose time was up, or before the guest's memory was put back to an
earlier moment, may still be on its way and would be read as the next one's; so each dialogue begins with `sync`, whose answer carries its number.
What an agent answers is data of the guest's.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any
from xml.etree import ElementTree as ET

from fleet.errors import VirtError

CHANNEL = "org.qemu.guest_agent.0"
SECONDS = 20  # for one answer
_TRIES = 8


def ask(domain: Any, command: str, seconds: int = SECONDS, **arguments: Any) -> Any:
    """One request's answer. Arguments have the protocol's names, with _ for -. Raises VirtError when there is none, or it is an error."""
    import libvirt
    import libvirt_qemu
    text = json.dumps({"execute": command, "arguments": {name.replace("_", "-"): value for name, value in arguments.items()}})
    try:
        return json.loads(libvirt_qemu.qemuAgentCommand(domain, text, seconds, 0))["return"]
    except libvirt.libvirtError as error:
        raise VirtError(f"{command}: {error.get_error_message()}", hint="some distributions forbid it in the agent's configuration "
                        "(/etc/sysconfig/qemu-ga)" if "disabled" in str(error) else "") from None
    except (ValueError, KeyError, TypeError):
        raise VirtError(f"{command}: the agent's answer is none") from None


def sync(domain: Any, seconds: int = SECONDS) -> None:
    """From here on the next answer is the next request's. Raises VirtError when no agent answers."""
    for _ in range(_TRIES):
        number = secrets.randbelow(1 << 31)
        if ask(domain, "guest-sync", seconds, id=number) == number:
            return
    raise VirtError("guest-sync: the agent gives other answers than those it is asked for")


def connected(text: str) -> bool:
    """Whether a running guest's definition says that its agent has opened its channel."""
    return any(each.get("name") == CHANNEL and each.get("state") == "connected" for each in ET.fromstring(text).iterfind("devices/channel/target"))


def thaw(domain: Any) -> None:
    """Have a guest write again whose filesystems a run that was cut off left frozen. Without an agent there are none."""
    if domain.isActive() and connected(domain.XMLDesc(0)) and asked(domain, "guest-fsfreeze-status") == "frozen":
        domain.fsThaw()


def answers(domain: Any, seconds: int = 5) -> bool:
    """Whether an agent answers."""
    try:
        sync(domain, seconds)
    except VirtError:
        return False
    return True


def asked(domain: Any, command: str, seconds: int = 5) -> Any:
    """A dialogue of one request: its answer, None where there is none."""
    try:
        sync(domain, seconds)
        return ask(domain, command, seconds)
    except VirtError:
        return None


def read(domain: Any, path: str, last: int = 65536, seconds: int = 5) -> str | None:
    """The last bytes of a file of the guest's; None where there is no such file, or no agent."""
    try:
        sync(domain, seconds)
        handle = ask(domain, "guest-file-open", seconds, path=path, mode="r")
    except VirtError:
        return None
    try:
        size = ask(domain, "guest-file-seek", seconds, handle=handle, offset=0, whence="end")["position"]
        ask(domain, "guest-file-seek", seconds, handle=handle, offset=max(int(size) - last, 0), whence="set")
        answer = ask(domain, "guest-file-read", seconds, handle=handle, count=last)
        return base64.b64decode(answer["buf-b64"]).decode(errors="replace")
    except (VirtError, ValueError, KeyError, TypeError):
        return None
    finally:
        try:
            ask(domain, "guest-file-close", seconds, handle=handle)
        except VirtError:
            pass  # the guest went away

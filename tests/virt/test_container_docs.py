"""The examples of docs/containers.md do what they say, and the second time nothing changes."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.virt.conftest import succeeded
from tests.virt.containersite import Containers, ContainerSite, boxes, containers

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (Path(__file__).parents[2] / "docs/containers.md").read_text(), re.S)


def free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("example", EXAMPLES, ids=[re.search("name: (\\w+)", each)[1] for each in EXAMPLES])  # type: ignore[index]
def test_example(boxes: ContainerSite, containers: Containers, example: str) -> None:
    boxes.write("hosts", (boxes.path / "hosts").read_text() + "\n[container_hosts]\nhv1\n")
    short = str(re.search(r"name: (\w+)", example)[1])  # type: ignore[index]
    net = containers.lab.net
    text = re.sub(rf"\b(name|container|fleet_container): {short}\b(?!, ansible)", rf"\1: {containers.name(short)}", example)
    for ours, theirs in (("/var/lib/fleet/images/tree", str(containers.image)), ("8080", str(free_port())), ("web-data", containers.name("web-data")),
                         ("br0", containers.lab.bridge), ("10.0.3.7/24", f"10.{net[0]}.{net[1] + 3}.77/20"), ("10.0.3.1", containers.lab.gateway)):
        text = text.replace(ours, theirs)
    first = boxes.run(text)
    succeeded(first)
    assert any(event.result.get("changed") for event in first.results("hv1"))
    again = boxes.run(text, diff=True)
    succeeded(again)
    changes = [(event.name, event.result.get("diff")) for event in again.results() if event.status == "changed" and event.action != "add_host"]
    if "state: stopped" not in text:  # what is started and stopped in one play is so each time
        assert changes == []
    if short == "web":
        assert again.results("web")[-1].result["stdout"] == "made inside"
    boxes.declare(short, state="absent", purge=True, volumes={"/srv/www": containers.name("web-data")})
    assert containers.leaks(short) == []

"""sysctl, on a tree of settings of our own, and once on the kernel's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fleet.modules import sysctl
from tests.modules.harness import apply, fails, run


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "proc"
    for name, value in {"vm/swappiness": "60", "net/ipv4/tcp_rmem": "4096\t131072\t6291456", "net/ipv4/conf/eth0.5/forwarding": "0"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(value + "\n")
    monkeypatch.setattr(sysctl, "PROC", str(root))
    return root


# the file before, options, changed, the file then, live values then
CASES: list[tuple[str | None, dict[str, Any], bool, str, dict[str, str]]] = [
    (None, {"name": "vm.swappiness", "value": "5"}, True, "vm.swappiness=5\n", {"vm/swappiness": "5"}),
    (None, {"name": "vm.swappiness", "value": "5", "reload": False}, True, "vm.swappiness=5\n", {"vm/swappiness": "60"}),
    ("vm.swappiness = 5\n", {"name": "vm.swappiness", "value": "5"}, False, "vm.swappiness = 5\n", {"vm/swappiness": "60"}),
    ("vm.swappiness = 5\n", {"name": "vm.swappiness", "value": "5", "sysctl_set": True}, True, "vm.swappiness = 5\n", {"vm/swappiness": "5"}),
    ("# words\nvm/swappiness=1\nvm.swappiness=2", {"name": "vm.swappiness", "value": "5"}, True, "# words\nvm.swappiness=5\n", {"vm/swappiness": "5"}),
    ("vm.swappiness=1\nx=2\n", {"name": "vm.swappiness", "state": "absent", "reload": False}, True, "x=2\n", {"vm/swappiness": "60"}),
    ("x=2\n", {"name": "vm.swappiness", "state": "absent"}, False, "x=2\n", {}),
    (None, {"name": "net.ipv4.tcp_rmem", "value": "4096 131072 6291456", "sysctl_set": True}, True, "net.ipv4.tcp_rmem=4096 131072 6291456\n",
     {"net/ipv4/tcp_rmem": "4096\t131072\t6291456"}),
    (None, {"name": "net.ipv4.conf.eth0/5.forwarding", "value": "yes"}, True, "net.ipv4.conf.eth0/5.forwarding=1\n", {"net/ipv4/conf/eth0.5/forwarding": "1"}),
    (None, {"name": "net/ipv4/conf/eth0.5/forwarding", "value": "true"}, True, "net/ipv4/conf/eth0.5/forwarding=1\n",
     {"net/ipv4/conf/eth0.5/forwarding": "1"}),
    ("-no.such=1\nnet.ipv4.tcp_rmem=1 2 3\n", {"name": "vm.swappiness", "value": "5"}, True, "-no.such=1\nnet.ipv4.tcp_rmem=1 2 3\nvm.swappiness=5\n",
     {"net/ipv4/tcp_rmem": "1 2 3", "vm/swappiness": "5"}),
    (None, {"name": "no.such", "value": "1", "ignoreerrors": True}, True, "no.such=1\n", {}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[1].values())).replace("/", "."))
def test_case(tmp_path: Path, proc: Path, case: tuple[str | None, dict[str, Any], bool, str, dict[str, str]]) -> None:
    before, options, changed, after, live = case
    path = tmp_path / "sysctl.conf"
    if before is not None:
        path.write_text(before)
    apply("sysctl", {"sysctl_file": str(path), **options}, tmp_path, changed=changed)
    assert path.read_text() == after
    assert {name: (proc / name).read_text().strip() for name in live} == live


def test_what_is_refused(tmp_path: Path, proc: Path) -> None:
    path = str(tmp_path / "sysctl.conf")
    for check in (True, False):
        fails("sysctl", {"name": "no.such", "value": "1", "sysctl_file": path}, "this kernel has no setting no.such", tmp_path, check=check)
    for name in ("../../etc/passwd", "a..b", "a=b", "-w", "a\nb"):
        fails("sysctl", {"name": name, "value": "1", "sysctl_file": path}, "cannot be", tmp_path)
    fails("sysctl", {"name": "vm.swappiness", "value": "1\nx=2", "sysctl_file": path}, "one line", tmp_path)


def test_the_kernel_says_no(tmp_path: Path) -> None:
    path = tmp_path / "sysctl.conf"
    fails("sysctl", {"name": "kernel.ostype", "value": "x", "sysctl_file": str(path), "sysctl_set": True}, "cannot set kernel.ostype", tmp_path)
    done = run("sysctl", {"name": "kernel.ostype", "value": "Linux", "sysctl_file": str(path), "sysctl_set": True})
    assert done["changed"] and path.read_text() == "kernel.ostype=Linux\n" and [entry["what"] for entry in done["diff"]] == ["content"]

"""`fleet container` and snapshots, on hv1."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from fleet.cli import run as fleet
from tests.virt.containersite import Containers, ContainerSite, boxes, containers, small

__all__ = ["boxes", "containers"]
pytestmark = pytest.mark.virt


def test_commands(boxes: ContainerSite, containers: Containers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = containers.name("cli")
    monkeypatch.chdir(boxes.path)
    boxes.declare("cli", command=["sh", "-c", "echo started; exec sleep 1000"], state="running", memory="64M")
    capsys.readouterr()
    assert fleet(["container", "list", "-i", "hosts", "hv1", "--output", "json"]) == 0
    row = next(row for row in json.loads(capsys.readouterr().out) if row["name"] == name)
    assert (row["state"], row["backend"], row["host"]) == ("running", "chroot", "hv1")
    assert fleet(["container", "exec", "-i", "hosts", "hv1", name, "sh", "-c", "echo out; echo err >&2; exit 3"]) == 3
    assert capsys.readouterr() == ("out\n", "err\n")
    assert fleet(["container", "logs", "-i", "hosts", "hv1", name]) == 0
    assert capsys.readouterr().out == "started\n"
    assert fleet(["container", "import", "-i", "hosts", "hv1", name]) == 0
    boxes.write("imported.yml", capsys.readouterr().out)
    seen = boxes.run(name="imported.yml", check=True)
    assert seen.status == 0 and seen.stats["hv1"].changed == 0, [event.result for event in seen.results()]
    boxes.declare("cli", state="absent")


FLEET = [sys.executable, "-m", "fleet", "container"]


def test_mistakes(boxes: ContainerSite, containers: Containers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that are not there are told by name, on stderr, and nothing else is said."""
    monkeypatch.chdir(boxes.path)
    boxes.declare("still", command=["true"])
    name = containers.name("still")
    for words, status, told in (
            ("exec hv1 no-such true", 4, "no container 'no-such'"), ("logs hv1 no-such", 1, "no container 'no-such'"), ("import hv1 no-such", 2, "no-such"),
            ("exec no-such-host x true", 1, "the inventory has no host 'no-such-host'"), ("list no-such-host", 1, "the inventory has no host 'no-such-host'"),
            ("logs no-such-host x", 1, "the inventory has no host 'no-such-host'"), ("shell no-such-host x", 1, "the inventory has no host 'no-such-host'"),
            ("shell hv1 a/b", 1, "'a/b' cannot be the name"), ("exec hv1 a/b true", 1, "'a/b' cannot be the name"), ("exec hv1", 1, "CONTAINER is missing"),
            (f"exec hv1 {name} no-such-program", 127, "cannot run no-such-program"), (f"exec hv1 {name} /etc", 126, "cannot run /etc"),
            ("list h1", 0, "no container on h1"), ("import h1", 0, "no container on h1")):
        command, *rest = words.split()
        assert fleet(["container", command, "-i", "hosts", *rest]) == status, words
        out, err = capsys.readouterr()
        assert told in err and out == "" and "Traceback" not in err, (words, out, err)
    monkeypatch.setattr("sys.stdin", io.StringIO("given\n"))
    assert fleet(["container", "exec", "-i", "hosts", "--stdin", "hv1", name, "cat"]) == 0
    assert capsys.readouterr().out == "given\n"
    boxes.declare("still", state="absent")


def test_shell(boxes: ContainerSite, containers: Containers) -> None:
    """On a real terminal: its size, Ctrl-C, the exit status; with pipes: bytes as they are; confined as all else in the container."""
    boxes.declare("sh", command=["sleep", "1000"], state="running", memory="64M", cap_drop=["net_raw"])
    boxes.declare("off", command=["true"])
    name = containers.name("sh")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(boxes.path)
        os.execv(FLEET[0], [*FLEET, "shell", "-i", "hosts", "hv1", name])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    expect(fd, "# ")
    for typed, told in (("hostname\r", name), ("busybox stty size\r", "33 111"), ("echo st''art; sleep 999\r", "start"),
                        ("\x03", "# "), ("echo $?x\r", "130x"), ("grep -Ec 'SigIgn:.0{7}[01][08]0{7}' /proc/self/status; echo ''seen\r", "1\r\nseen")):
        os.write(fd, typed.encode())
        expect(fd, told)
        time.sleep(0.2)  # until what was started has the terminal
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
    time.sleep(0.2)
    os.write(fd, b"busybox stty size\r")
    expect(fd, "20 70")
    os.write(fd, b"exit 7\r")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.close(fd)

    def piped(*words: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
        done = subprocess.run([*FLEET, "shell", "-i", "hosts", "hv1", *words], input=data, capture_output=True, cwd=boxes.path)
        return done.returncode, done.stdout, done.stderr

    noise = os.urandom(1 << 20)
    assert piped(name, "sh", "-c", "cat; echo err >&2; exit 3", data=noise) == (3, noise, b"err\n")
    assert piped(name, "sh", "-c", "kill -9 $$")[0] == 137
    _, out, _ = piped(name, "cat", "/proc/self/cgroup", "/proc/self/status")
    assert b":memory:/fleet/" + name.encode() in out and not int(out.split(b"CapBnd:")[1].split()[0], 16) >> 13 & 1
    assert piped(containers.name("off"), "hostname") == (0, containers.name("off").encode() + b"\n", b""), "one that does not run"
    status, _, err = piped("no-such", "true")
    assert status == 125 and b"there is no container 'no-such'" in err
    assert piped(name, "no-such-program") == (127, b"", b"error: cannot run no-such-program: No such file or directory\n")
    for short in ("sh", "off"):
        boxes.declare(short, state="absent")
    assert containers.leaks("sh") == [] and containers.leaks("off") == []


def test_logs_are_followed(boxes: ContainerSite, containers: Containers) -> None:
    """Through turning over of the log and through a restart, with no line missed, and beside a run that holds the host; Ctrl-C ends it with 130."""
    program = ["sh", "-c", "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; sleep 0.005; done; exec sleep 1000"]
    boxes.declare("talks", command=["sleep", "1000"], state="running", log_size="2K")
    with open("/run/fleet/lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen([*FLEET, "logs", "-i", "hosts", "hv1", containers.name("talks"), "--follow"], stdout=subprocess.PIPE, text=True, bufsize=1,
                              cwd=boxes.path) as follow:
            assert follow.stdout is not None
            subprocess.run([*FLEET, "list", "-i", "hosts", "hv1"], check=True, capture_output=True, cwd=boxes.path)
            fcntl.flock(held, fcntl.LOCK_UN)
            boxes.declare("talks", command=program, state="running", log_size="2K")
            seen = [follow.stdout.readline() for _ in range(400)]
            follow.send_signal(signal.SIGINT)
            assert follow.wait(60) == 130
    assert seen == [f"line {number}\n" for number in range(1, 401)]
    boxes.declare("talks", state="absent")


def expect(fd: int, text: str) -> None:
    """Read from a terminal until a text comes."""
    seen, end = b"", time.monotonic() + 60
    while text.encode() not in seen:
        assert select.select([fd], [], [], max(end - time.monotonic(), 0))[0], seen
        seen += os.read(fd, 65536)


@pytest.mark.parametrize("clone", ["overlay", "copy"])
def test_snapshot_and_rollback(boxes: ContainerSite, containers: Containers, tmp_path: Path, clone: str) -> None:
    name = containers.name("snap")
    boxes.target("snap")
    small(containers.image, tmp_path / "image/tree")
    boxes.declare("snap", image=str(tmp_path / "image"), command=["sleep", "1000"], state="running", clone=clone)
    boxes.shell("snap", "echo before >/srv/file; rm /etc/issue")

    def snapshot(state: str, wanted: bool, check: bool = False) -> None:
        seen = boxes.run(f"- hosts: hv1\n  gather_facts: false\n  tasks:\n    - container_snapshot: {{container: {name}, name: one, state: {state}}}\n", check=check)
        assert seen.status == 0 and seen.results("hv1")[0].result["changed"] is wanted, seen.results("hv1")[0].result

    snapshot("present", True, check=True)
    snapshot("present", True)
    snapshot("present", False)
    boxes.shell("snap", "echo after >/srv/file; touch /etc/issue /srv/more")
    snapshot("rolled_back", True)
    assert boxes.shell("snap", "cat /srv/file; ls /etc/issue /srv/more 2>/dev/null")["stdout"] == "before"
    snapshot("absent", True)
    snapshot("absent", False)
    boxes.declare("snap", state="absent")
    assert containers.leaks("snap") == []

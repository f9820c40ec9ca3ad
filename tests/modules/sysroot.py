"""Running modules, and a private Debian root for those that change a system.

The root is built once by mmdebstrap and kept in the XDG state folder. A test decorated with `inside` runs in a child process: in its own
mount, UTS and PID view, on a copy-on-write layer in memory above that root. Nothing it does is seen outside.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleet import registry
from fleet.runner.module import Module, execute
from fleet.validate import validate

PACKAGES = "openssh-client,cron,passwd,adduser,systemd,init-system-helpers,dnf,createrepo-c,rpm,locales"
_CLONE_NEWNS, _CLONE_NEWUTS = 0x20000, 0x4000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 1 << 18


def run(module: str, /, check: bool = False, diff: bool = True, **args: Any) -> dict[str, Any]:
    """One module's result, as the runner would give it."""
    return execute(registry.module(module), Module(validate(registry.spec(module), args), check=check, diff=diff))


def ok(module: str, /, **args: Any) -> dict[str, Any]:
    result = run(module, **args)
    assert not result.get("failed"), result
    return result


def settles(module: str, /, **args: Any) -> dict[str, Any]:
    """Check predicts a change, applying makes it, check and a second run then find nothing to do. Returns the applied result."""
    predicted = ok(module, check=True, **args)
    assert predicted["changed"], ("check", predicted)
    done = ok(module, **args)
    assert done["changed"], done
    for again in (ok(module, check=True, **args), ok(module, **args)):
        assert not again["changed"], again
    return done


@functools.cache
def root() -> Path:
    """The Debian root, built when it is not there yet (about a quarter of a minute)."""
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        pytest.fail("this needs root and mmdebstrap; `make test` sees to both")
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet/tests"
    state.mkdir(parents=True, exist_ok=True)
    path = state / "root-3"  # another number when PACKAGES change
    if not path.exists():
        new = state / f"new.{os.getpid()}"
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        done = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(new),
                               *([str(sources)] if sources.exists() else [])], capture_output=True, text=True, timeout=280)
        if done.returncode != 0:
            pytest.fail(f"mmdebstrap failed: {done.stderr[-500:]}")
        try:
            new.rename(path)
        except OSError:  # another test run was quicker
            shutil.rmtree(new)
    return path


def inside(test: Callable[[], None]) -> Callable[[], None]:
    """The test runs in the private root."""

    @functools.wraps(test)
    def outer() -> None:
        base = root()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            _child(base, test, writer)
        os.close(writer)
        with os.fdopen(reader) as stream:
            report = stream.read()
        os.waitpid(pid, 0)
        if report:
            pytest.fail(report, pytrace=False)

    return outer


def _child(base: Path, test: Callable[[], None], writer: int) -> None:
    report = "the child ended early"
    try:
        _enter(base)
        test()
        report = ""
    except BaseException:
        report = traceback.format_exc()
    finally:
        os.write(writer, report.encode())
        sys.stdout.flush()
        os._exit(0)


def _enter(base: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def call(function: Any, *args: Any) -> None:
        if function(*args) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(args))

    top = Path(tempfile.mkdtemp(prefix="fleet-sysroot-"))
    call(libc.unshare, _CLONE_NEWNS | _CLONE_NEWUTS)
    call(libc.mount, b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    call(libc.mount, b"tmpfs", os.fsencode(top), b"tmpfs", 0, b"size=1g")
    for name in ("upper", "work", "root"):
        (top / name).mkdir()
    options = f"lowerdir={base},upperdir={top}/upper,workdir={top}/work"
    call(libc.mount, b"overlay", os.fsencode(top / "root"), b"overlay", 0, options.encode())
    for name in ("proc", "dev"):
        call(libc.mount, f"/{name}".encode(), os.fsencode(top / "root" / name), None, _MS_BIND | _MS_REC, None)
    for name in registry.names():  # loaded before the root is entered: there is no Python in it
        if registry.module(name) is not None:
            registry.spec(name)
    os.chroot(top / "root")
    os.chdir("/")
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", TMPDIR="/tmp")
    tempfile.tempdir = "/tmp"

"""The runner and the modules on every Python there is here, over a real sshd: those pyenv has, and the system's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fleet import registry
from fleet.connection.base import Reply
from fleet.validate import validate
from tests.connection.conftest import Asker
from tests.sshd import Sshd

VERSIONS = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
PYENV = sorted(VERSIONS.glob("3.*/bin/python3"), key=lambda path: [int(part) for part in path.parts[-3].split(".")])
PYTHONS = ["/usr/bin/python3", *(str(path) for path in PYENV if int(path.parts[-3].split(".")[1]) >= 6)]


def ask(asker: Asker, sshd: Sshd, python: str, module: str, check: bool = False, blob: bytes | None = None, **args: object) -> dict[str, object]:
    reply: Reply = asker.ask(sshd.endpoint(python=python), module, dict(validate(registry.spec(module), args)), check=check, blob=blob)
    assert reply.error is None, reply.error
    assert reply.result is not None and not reply.result.get("failed"), reply.result
    return reply.result


@pytest.mark.parametrize("python", PYTHONS)
def test_everything_a_small_play_does(sshd: Sshd, tmp_path: Path, python: str) -> None:
    asker = Asker()
    try:
        version = subprocess.run([python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], capture_output=True, text=True, check=True).stdout.strip()
        facts = ask(asker, sshd, python, "setup")["ansible_facts"]
        assert isinstance(facts, dict) and facts["ansible_python_version"] == version
        target, lines = tmp_path / "conf", tmp_path / "lines"
        lines.write_text("one\n")
        assert ask(asker, sshd, python, "copy", check=True, blob=b"one\n", dest=str(target), content=None)["changed"]
        assert not target.exists()
        for wanted in (True, False):
            assert ask(asker, sshd, python, "copy", blob=b"one\n", dest=str(target), content=None, mode="0600")["changed"] is wanted
            assert ask(asker, sshd, python, "lineinfile", path=str(lines), line="two")["changed"] is wanted
            assert ask(asker, sshd, python, "replace", path=str(lines), regexp="^one$", replace="uno")["changed"] is wanted
            assert ask(asker, sshd, python, "file", path=str(tmp_path / "dir"), state="directory")["changed"] is wanted
        assert lines.read_text() == "uno\ntwo\n"
        assert ask(asker, sshd, python, "stat", path=str(target))["stat"]["size"] == 4  # type: ignore[index]
        assert ask(asker, sshd, python, "command", cmd="echo ünïcode")["stdout"] == "ünïcode"
        assert ask(asker, sshd, python, "find", paths=[str(tmp_path)], recurse=True)["matched"] == 2
    finally:
        asker.pool.close()


@pytest.mark.parametrize("module", sorted(name for name in registry.names() if registry.module(name) is not None))
def test_every_module_loads_on_the_oldest(module: str) -> None:
    """By an interpreter of that version, from the source that would be sent to it."""
    from fleet.connection import payload
    from fleet.connection.codestore import path_of
    text = "\n".join(f"compile(open({str(path_of(name))!r}, encoding='utf-8').read(), {name!r}, 'exec')" for name in payload.needed(module))
    done = subprocess.run([PYTHONS[1] if len(PYTHONS) > 1 else PYTHONS[0], "-"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("said", ["ImportError: No module named _frozen_importlib_external", "Unknown option: -I"])
def test_a_python_that_is_too_old_is_one_sentence(sshd: Sshd, tmp_path: Path, said: str) -> None:
    old = next(iter(VERSIONS.glob("2.*/bin/python")), None)
    python = tmp_path / "python"
    if old is not None:
        python.symlink_to(old)
    else:  # what such a one says
        python.write_text(f"#!/bin/sh\ncat >/dev/null & echo '{said}' >&2; exit 1\n")
        python.chmod(0o755)
    asker = Asker()
    try:
        reply = asker.ask(sshd.endpoint(python=str(python)), "ping")
        assert reply.error is not None
        assert "the Python on this host is too old" in reply.error.message and "Traceback" not in reply.error.message
    finally:
        asker.pool.close()

"""Every command's --help: complete, and as one would show it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fleet.cli import COMMANDS, group, run


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None
            yield from commands(found, (*path, name))


@pytest.mark.parametrize("path", list(commands(group)), ids=" ".join)
def test_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run([*path, "--help"]) == 0
    shown, err = capsys.readouterr()
    assert not err and shown.startswith(f"Usage: {' '.join(['fleet', *path])} ")
    assert all(len(line) <= 100 for line in shown.splitlines())
    lines = [line for line in shown.splitlines()[1:] if line.startswith("  ")]
    assert not [line for line in lines if line.endswith("...")], "a summary is cut off"
    assert not [line for line in lines if " TEXT " in line or "INTEGER" in line or " PATH " in line], "say what it takes"
    bare = [line for number, line in enumerate(lines) if line.startswith("  -") and "  " not in line.strip() and not lines[number + 1].startswith("   ")]
    assert not bare, "an option without a word of help"


def test_the_commands_are_told_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {text}" in shown for name, text in COMMANDS.items())


def test_options_of_apply_stand_under_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "--help"]) == 0
    shown = capsys.readouterr().out
    heads = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Where:", "What:", "Look only:", "Connections:", "Becoming another user:", "Vault:", "Output:"]


@pytest.mark.parametrize(("words", "offered"), [
    ("fleet re", ["plain,reconcile"]), ("fleet apply --list-h", ["plain,--list-hosts"]), ("fleet run all -m pin", ["plain,ping"]),
    ("fleet doc unarc", ["plain,unarchive"]), ("fleet reconcile --entry we", ["plain,web-daily"]), ("fleet history show l", []), ("fleet apply si", ["file,si"]),
    ("fleet apply -i ho", ["file,ho"]),
])
def test_completion(words: str, offered: list[str], tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text('[[reconcile]]\nname = "web-daily"\nplaybook = "x.yml"\n')
    done = subprocess.run([sys.executable, "-m", "fleet"], cwd=tmp_path, capture_output=True, text=True, env={
        **os.environ, "_FLEET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1), "XDG_STATE_HOME": str(tmp_path)})
    assert done.stdout.split() == offered, done.stderr

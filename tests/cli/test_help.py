"""Every command's --help: complete, and as one would show it."""

from __future__ import annotations

from collections.abc import Iterator

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

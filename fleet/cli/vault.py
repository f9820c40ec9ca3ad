"""`fleet vault`: secrets in files, as ansible-vault has them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from fleet.cli import options as shared
from fleet.cli.options import vault_options
from fleet.errors import Pos, UsageError
from fleet.options import RunOptions
from fleet.settings import load_settings
from fleet.vault import Vault

MARK = b"$ANSIBLE_VAULT;"


def _vault(given: dict[str, Any]) -> Vault:
    found = Vault.from_options(RunOptions(**given), load_settings())
    if found is None:
        raise UsageError("no vault password was given", hint="use --vault-password-file, --vault-id or --ask-vault-pass")
    return found


STDIO = Path("-")


def write(path: Path, data: bytes) -> None:
    """Replace a file whole, readable by its owner only; `-` is standard output."""
    if path == STDIO:
        sys.stdout.buffer.write(data)
        return
    path = path.resolve()  # a link stays a link
    try:
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".fleet-")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: Path) -> bytes:
    """A file's content; `-` is standard input."""
    try:
        return sys.stdin.buffer.read() if path == STDIO else path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def plain(vault: Vault, path: Path) -> tuple[bytes, str]:
    """What an encrypted file holds, and its vault id."""
    data = read(path)
    if not data.startswith(MARK):
        raise UsageError(f"{path} is not encrypted")
    text = data.decode("ascii", "replace")
    return vault.decrypt_bytes(text, Pos(str(path), 1, 1)), vault.id_of(text)


def _target(files: tuple[Path, ...], output: Path | None) -> tuple[Path, ...]:
    """The files of a command, standard input without any. Only one file can go to --output."""
    files = files or (STDIO,)
    if output is not None and len(files) > 1:
        raise UsageError("--output takes one file only")
    return files


@click.group("vault", cls=shared.Group)
def command() -> None:
    """Encrypt and decrypt files and values, in Ansible Vault's format."""


_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
_ANY_FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
_OUTPUT = click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here and not in place; `-` is standard output.")
_ID = click.option("--encrypt-vault-id", "label", metavar="ID", help="The vault id to encrypt with.")


@command.command("encrypt")
@_ANY_FILES
@_ID
@_OUTPUT
@vault_options
def encrypt(files: tuple[Path, ...], label: str | None, output: Path | None, **given: Any) -> None:
    """Encrypt files in place, or standard input."""
    vault = _vault(given)
    for path in _target(files, output):
        data = read(path)
        if data.startswith(MARK):
            raise UsageError(f"{path} is encrypted already")
        write(output or path, vault.encrypt(data, label).encode())


@command.command("decrypt")
@_ANY_FILES
@_OUTPUT
@vault_options
def decrypt(files: tuple[Path, ...], output: Path | None, **given: Any) -> None:
    """Decrypt files in place, or standard input."""
    vault = _vault(given)
    for path in _target(files, output):
        write(output or path, plain(vault, path)[0])


@command.command("view")
@_FILES
@vault_options
def view(files: tuple[Path, ...], **given: Any) -> None:
    """Print what encrypted files hold."""
    vault = _vault(given)
    for path in files:
        write(STDIO, plain(vault, path)[0])


def _edited(data: bytes) -> bytes:
    """What the user's editor makes of some text, in a private temporary file that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fleet-vault-") as folder:
        path = Path(folder, "secret.yml")
        path.write_bytes(data)
        done = subprocess.run([*os.environ.get("EDITOR", "vi").split(), str(path)])
        if done.returncode:
            raise UsageError(f"the editor ended with status {done.returncode}; nothing was changed")
        return path.read_bytes()


@command.command("edit")
@click.argument("file", type=click.Path(path_type=Path))
@_ID
@vault_options
def edit(file: Path, label: str | None, **given: Any) -> None:
    """Edit an encrypted file with $EDITOR."""
    vault = _vault(given)
    before, was = plain(vault, file)
    after = _edited(before)
    if after != before:
        known = any(name == was for name, _ in vault.passwords)
        write(file, vault.encrypt(after, label or (was if known else None)).encode())


@command.command("create")
@click.argument("file", type=click.Path(path_type=Path))
@_ID
@vault_options
def create(file: Path, label: str | None, **given: Any) -> None:
    """Write a new encrypted file with $EDITOR."""
    vault = _vault(given)
    if file.exists():
        raise UsageError(f"{file} exists already", hint="use `fleet vault edit`")
    write(file, vault.encrypt(_edited(b""), label).encode())


@command.command("rekey")
@_FILES
@click.option("--new-vault-password-file", metavar="FILE", help="File or program with the new password.")
@click.option("--new-vault-id", metavar="ID@SOURCE", help="The new vault id and where its password is.")
@vault_options
def rekey(files: tuple[Path, ...], new_vault_password_file: str | None, new_vault_id: str | None, **given: Any) -> None:
    """Encrypt files with another password.

    It is asked for when no option says where it is.
    """
    old = _vault(given)
    label, at, source = (new_vault_id or "").rpartition("@")
    new = Vault([Vault.source(label if at else "default", source or new_vault_password_file or "prompt")])
    texts = {path: plain(old, path)[0] for path in files}  # all can be read before one is written
    for path, data in texts.items():
        write(path, new.encrypt(data).encode())


@command.command("encrypt-string")
@click.argument("texts", nargs=-1)
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="Print it as the value of this variable; one for each TEXT.")
@click.option("--stdin-name", metavar="NAME", help="The variable for what standard input holds.")
@click.option("-p", "--prompt", is_flag=True, help="Ask for the text; it is not shown.")
@_ID
@vault_options
def encrypt_string(texts: tuple[str, ...], names: tuple[str, ...], stdin_name: str | None, prompt: bool, label: str | None, **given: Any) -> None:
    """Print texts encrypted, for a variables file.

    Without any TEXT, standard input is read.
    """
    vault = _vault(given)
    pairs = [*itertools.zip_longest(names[:len(texts)], texts), *((name, None) for name in names[len(texts):])]
    if prompt:
        pairs.append((names[len(texts)] if len(names) > len(texts) else None, click.prompt("String to encrypt", hide_input=True)))
        pairs = [pair for pair in pairs if pair[1] is not None]
    if stdin_name or not pairs:
        pairs.append((stdin_name, None))
    for name, text in pairs:
        body = vault.encrypt((sys.stdin.read() if text is None else text).encode(), label)
        click.echo((f"{name}: " if name else "") + "!vault |\n" + "".join(f"  {line}\n" for line in body.splitlines()), nl=False)

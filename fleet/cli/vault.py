"""`fleet vault`: secrets in files, as ansible-vault has them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from fleet.cli.options import vault_options
from fleet.errors import Pos, UsageError
from fleet.options import RunOptions


def _vault(given: dict[str, Any]) -> Any:
    from fleet.settings import load_settings
    from fleet.vault import Vault
    found = Vault.from_options(RunOptions(**given), load_settings())
    if found is None:
        raise UsageError("no vault password was given", hint="use --vault-password-file, --vault-id or --ask-vault-pass")
    return found


def write(path: Path, data: bytes) -> None:
    """Replace a file whole, readable by its owner only."""
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".fleet-")
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    Path(temporary).rename(path)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def plain(vault: Any, path: Path) -> bytes:
    data = read(path)
    if not data.startswith(b"$ANSIBLE_VAULT;"):
        raise UsageError(f"{path} is not encrypted")
    return vault.decrypt_bytes(data.decode("ascii", "replace"), Pos(str(path), 1, 1))  # type: ignore[no-any-return]


@click.group("vault")
def command() -> None:
    """Encrypt and decrypt files and values, in Ansible Vault's format."""


_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
_ID = click.option("--encrypt-vault-id", "label", help="The vault id to encrypt with.")


@command.command("encrypt")
@_FILES
@_ID
@vault_options
def encrypt(files: tuple[Path, ...], label: str | None, **given: Any) -> None:
    """Encrypt files in place."""
    vault = _vault(given)
    for path in files:
        data = read(path)
        if data.startswith(b"$ANSIBLE_VAULT;"):
            raise UsageError(f"{path} is encrypted already")
        write(path, vault.encrypt(data, label).encode())


@command.command("decrypt")
@_FILES
@vault_options
def decrypt(files: tuple[Path, ...], **given: Any) -> None:
    """Decrypt files in place."""
    vault = _vault(given)
    for path in files:
        write(path, plain(vault, path))


@command.command("view")
@_FILES
@vault_options
def view(files: tuple[Path, ...], **given: Any) -> None:
    """Print what encrypted files hold."""
    vault = _vault(given)
    for path in files:
        sys.stdout.buffer.write(plain(vault, path))


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
    before = plain(vault, file)
    after = _edited(before)
    if after != before:
        write(file, vault.encrypt(after, label).encode())


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
@click.option("--new-vault-password-file", required=True, metavar="FILE", help="File with the new password.")
@vault_options
def rekey(files: tuple[Path, ...], new_vault_password_file: str, **given: Any) -> None:
    """Encrypt files with another password."""
    old, new = _vault(given), _vault({"vault_password_file": (new_vault_password_file,), "vault_id": (), "ask_vault_pass": False})
    texts = {path: plain(old, path) for path in files}  # all can be read before one is written
    for path, data in texts.items():
        write(path, new.encrypt(data).encode())


@command.command("encrypt-string")
@click.argument("text", required=False)
@click.option("-n", "--name", help="Print it as the value of this variable.")
@_ID
@vault_options
def encrypt_string(text: str | None, name: str | None, label: str | None, **given: Any) -> None:
    """Print TEXT (or standard input) encrypted, for a variables file."""
    body = _vault(given).encrypt((text if text is not None else sys.stdin.read()).encode(), label)
    print((f"{name}: " if name else "") + "!vault |\n" + "".join(f"  {line}\n" for line in body.splitlines()), end="")

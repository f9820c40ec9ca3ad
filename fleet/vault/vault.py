"""Ansible Vault's AES256 format, 1.1 and 1.2 (docs.ansible.com, "Encrypting content with Ansible Vault").

The payload is hex of three hex lines: salt, HMAC-SHA256 of the ciphertext, ciphertext (AES-CTR, PKCS#7 padded). PBKDF2-SHA256 with 10,000 rounds gives
32 bytes of AES key, 32 of HMAC key and 16 of counter.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import re
import stat
import subprocess
import sys
from binascii import hexlify, unhexlify
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fleet.connection.base import Secret
from fleet.errors import Pos, SourceError, UsageError
from fleet.options import RunOptions
from fleet.vault.redact import Redactor

HEADER = "$ANSIBLE_VAULT"
_HEAD = re.compile(r"\$ANSIBLE_VAULT;(1\.[12]);AES256(?:;(\S+))?\s*\n")


def _cipher(key: bytes, counter: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # slow to load, and most runs have no vault
    return Cipher(algorithms.AES(key), modes.CTR(counter))


def _keys(password: str, salt: bytes) -> tuple[bytes, bytes, bytes]:
    derived = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10000, 80)
    return derived[:32], derived[32:64], derived[64:]


class Vault:
    """passwords: (id, password) in order; the id of a text is tried first."""

    def __init__(self, passwords: Sequence[tuple[str, Secret]]) -> None:
        self.passwords = list(passwords)
        self.redactor = Redactor([])  # knows all that was decrypted

    @classmethod
    def from_options(cls, options: RunOptions, settings: Any) -> Vault | None:
        """The vault of a run's password files, ids and prompts; None when it was given none. Raises UsageError."""
        sources = [("default", each) for each in (*options.vault_password_file, *([settings.vault_password_file] if not options.vault_password_file
                                                                                     and settings.vault_password_file else []))]
        for each in (*options.vault_id, *settings.vault_identity_list):
            name, at, source = str(each).rpartition("@")
            sources.append((name if at else "default", source))
        if options.ask_vault_pass:
            sources.append(("default", "prompt"))
        found = [cls.source(name, str(source)) for name, source in sources]
        return cls(found) if found else None

    @staticmethod
    def source(name: str, source: str) -> tuple[str, Secret]:
        """A vault id with its password: from a file, a program, or "prompt". Raises UsageError."""
        return name, _password(name, source)

    def decrypt(self, text: str, pos: Pos) -> str:
        """The plain text. Raises SourceError at pos when no password fits."""
        try:
            plain = self.decrypt_bytes(text, pos).decode()
        except UnicodeDecodeError:
            raise SourceError("the decrypted text is not UTF-8", pos=pos) from None
        self.redactor.learn(plain)
        return plain

    def decrypt_bytes(self, text: str, pos: Pos) -> bytes:
        match = _HEAD.match(text.lstrip())
        if match is None:
            raise SourceError("this is not vault text of a kind that is known (AES256, version 1.1 or 1.2)", pos=pos)
        label = match.group(2) or "default"
        try:
            body = unhexlify("".join(text.lstrip()[match.end():].split()))
            salt, mac, cipher = (unhexlify(part) for part in body.split(b"\n", 2))
        except ValueError:
            raise SourceError("the vault text is damaged", pos=pos) from None
        for _, password in sorted(self.passwords, key=lambda each: each[0] != label):
            key, check, counter = _keys(password.reveal(), salt)
            if hmac.compare_digest(hmac.digest(check, cipher, "sha256"), mac):
                decryptor = _cipher(key, counter).decryptor()
                padded: bytes = decryptor.update(cipher) + decryptor.finalize()
                return padded[:-padded[-1]]
        raise SourceError(f"no vault password given decrypts this (its vault id is '{label}')", pos=pos,
                          hint="give the right one with --vault-password-file or --vault-id")

    @staticmethod
    def id_of(text: str) -> str:
        """The vault id in vault text's header; "default" without one."""
        match = _HEAD.match(text.lstrip())
        return (match.group(2) if match else None) or "default"

    def encrypt(self, data: bytes, label: str | None = None, salt: bytes | None = None) -> str:
        """Vault text for the first password, or that of a vault id. salt: random when not given, as it should be."""
        name, password = next(((n, p) for n, p in self.passwords if label in (None, n)), (None, None))
        if password is None:
            raise UsageError(f"there is no password for the vault id '{label}'" if label else "no vault password was given",
                             hint="use --vault-password-file, --vault-id or --ask-vault-pass")
        salt = salt or os.urandom(32)
        key, check, counter = _keys(password.reveal(), salt)
        fill = 16 - len(data) % 16
        encryptor = _cipher(key, counter).encryptor()
        cipher = encryptor.update(data + bytes([fill]) * fill) + encryptor.finalize()
        body = hexlify(b"\n".join(hexlify(part) for part in (salt, hmac.digest(check, cipher, "sha256"), cipher))).decode()
        head = f"{HEADER};1.1;AES256" if name == "default" else f"{HEADER};1.2;AES256;{name}"
        return "\n".join([head, *(body[at:at + 80] for at in range(0, len(body), 80))]) + "\n"


def _password(name: str, source: str) -> Secret:
    """A password from a file, an executable (its output) or a prompt."""
    if source in ("prompt", "prompt_ask_vault_pass"):
        if not sys.stdin.isatty():
            raise UsageError("a vault password is to be asked for and there is no terminal", hint="use --vault-password-file")
        return Secret(getpass.getpass(f"Vault password ({name}): "))
    path = Path(source).expanduser()
    try:
        if path.stat().st_mode & stat.S_IXUSR:
            done = subprocess.run([str(path.resolve()), *(["--vault-id", name] if path.stem.endswith("-client") else [])], capture_output=True, text=True)
            if done.returncode:
                raise UsageError(f"the vault password program {source} ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
            text = done.stdout
        else:
            text = path.read_text()
    except OSError as error:
        raise UsageError(f"cannot read the vault password file {source}: {error.strerror}") from None
    if not text.strip():
        raise UsageError(f"the vault password from {source} is empty")
    return Secret(text.strip("\n\r "))

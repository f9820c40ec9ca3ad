from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import FilesCase, apply, case_id, fails, files_case


def key(number: int, kind: str = "ssh-ed25519") -> str:
    import base64
    raw = b"".join(len(part).to_bytes(4, "big") + part for part in (kind.encode(), bytes([number]) * 32))
    return f"{kind} {base64.b64encode(raw).decode()}"


ONE, TWO, RSA = key(1), key(2), key(3, "ssh-rsa")
SET = {"name": "web", "key": f"web {ONE}", "path": "{}/d/known_hosts"}
GONE = {"name": "web", "state": "absent", "path": "{}/d/known_hosts"}


def case(before: str | None, options: dict[str, Any], after: str, changed: bool = True) -> FilesCase:
    return ("known_hosts", {} if before is None else {"d/known_hosts": before}, options, changed, {"d/known_hosts": after})


CASES = [
    case(None, SET, f"web {ONE}\n"),
    case(f"# words\nweb {ONE} mine\n", SET, f"# words\nweb {ONE} mine\n", False),
    case(f"web {TWO}\nweb {RSA}", SET, f"web {ONE}\nweb {RSA}"),
    case(f"web {RSA}", SET, f"web {RSA}\nweb {ONE}\n"),
    case(f"db,web {ONE}\n", SET, f"db,web {ONE}\n", False),
    case(f"db,web {TWO}\n", SET, f"db {TWO}\nweb {ONE}\n"),
    case(f"@revoked web {ONE}\n", SET, f"@revoked web {ONE}\nweb {ONE}\n"),
    case(f"web {TWO}\nweb {TWO}\n", {**SET, "key": f"# web:22 SSH-2.0\nweb {ONE}\nweb {RSA}\n"}, f"web {ONE}\nweb {RSA}\n"),
    case(None, {**SET, "name": "[web]:2222", "key": f"[web]:2222 {ONE}"}, f"[web]:2222 {ONE}\n"),
    case(f"web {ONE}\nWEB,db {RSA}\nother {ONE}\n", GONE, f"db {RSA}\nother {ONE}\n"),
    case(f"web {ONE}\nweb {RSA}\n", {**GONE, "key": f"web {ONE}"}, f"web {RSA}\n"),
    case(f"other {ONE}\n", GONE, f"other {ONE}\n", False),
    case(f"*.web {ONE}\n", GONE, f"*.web {ONE}\n", False),
]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_case(tmp_path: Path, case: FilesCase) -> None:
    files_case(tmp_path, case)


def test_hashed_names_are_ssh_s(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"web {ONE}\n")
    apply("known_hosts", {**SET, "path": str(path), "hash_host": True}, tmp_path)
    assert path.read_text().startswith("|1|")
    found = subprocess.run(["ssh-keygen", "-F", "web", "-f", str(path)], capture_output=True, text=True)
    assert found.returncode == 0 and ONE in found.stdout
    apply("known_hosts", {**SET, "path": str(path)}, tmp_path, changed=False)
    apply("known_hosts", {**GONE, "path": str(path)}, tmp_path)
    assert path.read_text() == ""
    path.write_text(f"web {ONE}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    apply("known_hosts", {**GONE, "path": str(path)}, tmp_path)


BAD = [
    ({"key": "ssh-ed25519 AAAA mine"}, "the key is one of ssh-ed25519"), ({"key": f"db {ONE}"}, "not of web"), ({"key": "web ssh-rsa AAAA"}, "no key of type"),
    ({"key": f"web {ONE.replace('ed25519 ', 'rsa ')}"}, "no key of type"), ({"key": "# nothing"}, "holds no key"), ({"name": "a,b"}, "name of a host"),
    ({"key": "web"}, "no line of known_hosts"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=str)
def test_what_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    fails("known_hosts", {**SET, "path": str(tmp_path / "f"), **options}, words, tmp_path)

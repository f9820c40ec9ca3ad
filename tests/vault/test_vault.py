from __future__ import annotations

import pytest

from fleet.connection.base import Secret
from fleet.errors import Pos, SourceError
from fleet.vault import Vault
from fleet.vault.redact import Redactor

POS = Pos("f.yml", 3, 1)


@pytest.mark.parametrize("label", ["default", "prod"])
@pytest.mark.parametrize("text", ["", "x", "a secret\nof two lines\n", "é" * 50])
def test_round_trip(text: str, label: str) -> None:
    vault = Vault([("other", Secret("wrong")), (label, Secret("pw"))])
    data = vault.encrypt(text.encode(), label)
    assert data.startswith("$ANSIBLE_VAULT;1.1;AES256\n" if label == "default" else "$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert vault.decrypt(data, POS) == text


@pytest.mark.parametrize("damage", [lambda text: text.replace("AES256", "AES"), lambda text: text[:-3] + "zz\n", lambda text: text])
def test_a_wrong_password_or_damage_is_told_with_its_place(damage: object) -> None:
    data = Vault([("default", Secret("pw"))]).encrypt(b"x")
    with pytest.raises(SourceError) as caught:
        Vault([("default", Secret("no"))]).decrypt(damage(data), POS)  # type: ignore[operator]
    assert caught.value.pos == POS


def test_secrets_are_redacted_everywhere() -> None:
    redactor = Redactor([])
    assert not redactor and redactor.clean({"a": "hunter2"}) == {"a": "hunter2"}
    redactor.add(Secret("hunter2"))
    redactor.add("line one\nline two")
    assert redactor.clean({"hunter2": ["xhunter2x", 5, {"k": "line two"}]}) == {"********": ["x********x", 5, {"k": "********"}]}
    assert "hunter2" not in f"{Secret('hunter2')} {Secret('hunter2')!r}"



@pytest.mark.parametrize(("text", "hidden", "shown"), [
    ("hunter2", ["hunter2"], []),
    ("abc", ["abc"], []),
    ("pa: ss, [wo]", ["pa: ss, [wo]"], []),
    ("password: hunter2\n", ["hunter2"], ["password"]),
    ("db:\n  user: app\n  password: 'hun''ter2'\n  port: 5432\n  on: true\nkeys: [first-key, second-key]\n",
     ["hun'ter2", "first-key", "second-key"], ["app", "5432", "true", "db", "keys"]),
    ("-----BEGIN KEY-----\nQUJD: not yaml: at all\n-----END KEY-----\n", ["QUJD: not yaml: at all"], []),
    ("[" * 5000 + "\n: secret-deep\n", [": secret-deep"], []),
    ("a: &a [secret-one]\nb: [*a, *a]\n", ["secret-one"], []),
])
def test_what_the_vault_held_is_known_to_the_redactor(text: str, hidden: list[str], shown: list[str]) -> None:
    vault = Vault([("default", Secret("pw"))])
    vault.decrypt(vault.encrypt(text.encode()), POS)
    assert [vault.redactor.clean(f"<{each}>") for each in hidden] == ["<********>"] * len(hidden)
    assert [vault.redactor.clean(each) for each in shown] == shown

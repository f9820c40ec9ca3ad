"""Host patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.errors import InventoryError
from fleet.inventory import Inventory, load_inventory


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "hosts").write_text("[web]\nweb1\nweb2\nweb3\n[db]\ndb1\nweb3\n[prod:children]\ndb\n[v6]\n2001:db8::1\n")
    return load_inventory([str(tmp_path / "hosts")])


@pytest.mark.parametrize(("pattern", "names"), [
    ("web", "web1 web2 web3"), ("web1,db1", "web1 db1"), ("web1:db1", "web1 db1"), ("web:&prod", "web3"), ("web:!db", "web1 web2"),
    ("web,&prod", "web3"), ("!web", "db1 2001:db8::1"), ("web:db:&prod:!web3", "db1"), ("web*", "web1 web2 web3"), ("*1", "web1 db1 2001:db8::1"),
    ("web[!3]", "web1 web2"),
    ("~web[12]$|db1", "web1 web2 db1"), ("~w.*3", "web3"), ("web[0]", "web1"), ("web[-1]", "web3"), ("web[1:]", "web2 web3"),
    ("web[0:1]", "web1 web2"), ("2001:db8::1", "2001:db8::1"), ("localhost", "localhost"), ("all", "web1 web2 web3 db1 2001:db8::1"),
    ("web,all", "web1 web2 web3 db1 2001:db8::1"), ("", "")])
def test_patterns(inventory: Inventory, pattern: str, names: str) -> None:
    assert inventory.match(pattern) == names.split()
    assert inventory.warnings == []


def test_a_list_of_patterns_is_their_union(inventory: Inventory) -> None:
    assert inventory.match(["web1", "db1", "!db1"]) == ["web1"]


def test_what_names_nothing_is_a_warning_once(inventory: Inventory) -> None:
    assert inventory.match("wbe") == inventory.match("wbe") == []
    assert inventory.warnings == ["no host or group is called 'wbe'; did you mean 'web'?"]


def test_limits(inventory: Inventory, tmp_path: Path) -> None:
    (tmp_path / "retry").write_text("web3\n\n# not this\nweb1\n")
    assert inventory.match("web", limit="prod") == ["web3"]
    assert inventory.match("web", limit=f"@{tmp_path / 'retry'}") == ["web1", "web3"]
    with pytest.raises(InventoryError, match="no file"):
        inventory.match("web", limit="@/nowhere")


@pytest.mark.parametrize(("pattern", "message"), [("~(", "no regular expression"), ("web[7]", "has 3")])
def test_patterns_that_cannot_be(inventory: Inventory, pattern: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message):
        inventory.match(pattern)

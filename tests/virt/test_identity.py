"""Names that are safe everywhere, and what follows from them."""

from __future__ import annotations

import pytest

from fleet.errors import VirtError
from fleet.virt.identity import checked, mac_of, uuid_of


@pytest.mark.parametrize("name", ["", "-x", "a/b", "../x", "a b", "a\nb", "$(x)", "a;b", "<x>", "x" * 80])
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(VirtError, match="cannot be the name"):
        checked(name, "guest")


def test_identity_follows_the_name() -> None:
    assert mac_of("web1") == mac_of("web1") != mac_of("web2")
    assert mac_of("web1").startswith("52:54:00:")
    assert uuid_of("guest", "web1") == uuid_of("guest", "web1") != uuid_of("network", "web1")

"""The first-boot data of guests."""

from __future__ import annotations

from fleet.virt.seed import digest, iso, meta_data, user_data


def test_seed_is_named_by_its_content() -> None:
    files = {"user-data": user_data("web1", ["ssh-ed25519 AAAA me"], ("PRIVATE", "PUBLIC"), {"packages": ["nginx"]})}
    files["meta-data"] = meta_data("web1", files["user-data"], None)
    assert digest(files) == digest(dict(files))
    assert digest(files) != digest({**files, "meta-data": "other"})
    data = iso(files)
    assert b"cidata" in data and b"ssh-ed25519 AAAA me" in data and b"nginx" in data

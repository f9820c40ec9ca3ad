from __future__ import annotations

import os
from pathlib import Path

from tests.modules.sysroot import inside, run, settles


@inside
def test_hostname() -> None:
    done = settles("hostname", name="web01.example.org")
    assert Path("/etc/hostname").read_text() == "web01.example.org\n" and os.uname().nodename == "web01.example.org"
    facts = done["ansible_facts"]
    assert (facts["ansible_hostname"], facts["ansible_fqdn"], facts["ansible_domain"]) == ("web01", "web01.example.org", "example.org")
    Path("/etc/hostname").write_text("# kept here\nweb01.example.org\n")
    settles("hostname", name="web02")


@inside
def test_bad_names() -> None:
    before = os.uname().nodename
    for name in ("", "-a", "a_b", "a b", "a..b", "a" * 65, "a\n"):
        assert run("hostname", name=name)["failed"], name
    assert os.uname().nodename == before

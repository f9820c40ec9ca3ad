from __future__ import annotations

import grp

from tests.modules.sysroot import inside, ok, run, settles


@inside
def test_group_lives_and_dies() -> None:
    assert settles("group", name="web", gid=2000)["gid"] == 2000
    assert settles("group", name="web", gid=2001)["gid"] == 2001
    assert grp.getgrnam("web").gr_gid == 2001
    assert settles("group", name="sys1", system=True)["gid"] < 1000
    assert settles("group", name="same", gid=2001, non_unique=True)["gid"] == 2001
    settles("group", name="web", state="absent")


@inside
def test_group_that_fails() -> None:
    ok("group", name="one", gid=3000)
    taken = run("group", name="two", gid=3000)
    assert taken["failed"] and "3000" in taken["msg"]
    assert run("group", name="-x")["failed"]
    assert run("group", name="a:b")["failed"]

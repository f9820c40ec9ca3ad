"""synchronize: rsync over fleet's own connection, to real hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.harness import Site

pytestmark = pytest.mark.lab


@pytest.fixture
def tree(site: Site) -> Site:
    for name, text in {"a": "one\n", "sub/b": "two\n", "left.out": "x\n"}.items():
        site.write(f"files/site/{name}", text)
    return site


def task(site: Site, more: str = "", check: bool = False, **options: object) -> dict[str, object]:
    given = ", ".join(f"{name}: {value}" for name, value in options.items())
    seen = site.run(f"- hosts: h1\n  gather_facts: false\n  tasks:\n    - ansible.posix.synchronize: {{{given}}}\n{more}", check=check)
    return dict(seen.results("h1")[0].result)


def settles(site: Site, more: str = "", **options: object) -> dict[str, object]:
    """A plan says what is done, it is done, and then there is nothing to do."""
    planned = task(site, more, check=True, **options)
    done = task(site, more, **options)
    assert planned["changed"] and done["changed"] and planned["stdout_lines"] == done["stdout_lines"], (planned, done)
    assert not task(site, more, **options)["changed"] and not task(site, more, check=True, **options)["changed"]
    return done


def test_there_and_back(tree: Site, tmp_path: Path) -> None:
    place = f"/srv/{tmp_path.name}"
    done = settles(tree, src="site/", dest=place, rsync_opts="['--exclude=*.out']")
    assert done["stdout_lines"] == ["cd+++++++++ ./", "<f+++++++++ a", "cd+++++++++ sub/", "<f+++++++++ sub/b"] and "--rsh" not in str(done["cmd"])
    (tree.path / "files/site/a").unlink()
    assert settles(tree, src="site/", dest=place, delete="true", rsync_opts="['--exclude=*.out']")["stdout_lines"][-1] == "*deleting   a"  # type: ignore[index]
    settles(tree, "      delegate_to: '{{ inventory_hostname }}'\n", src=f"{place}/", dest=f"{place}.old")
    settles(tree, "      delegate_to: localhost\n", src="site", dest=f"{place}.two")
    settles(tree, src=f"{place}/", dest="back", mode="pull")
    assert sorted(path.name for path in (tree.path / "back").rglob("*")) == ["b", "sub"]


@pytest.mark.parametrize(("options", "more", "message"), [
    ({"src": "none", "dest": "/srv/x"}, "", "could not find or access 'none'"),
    ({"src": "/srv/none-there/", "dest": "back", "mode": "pull"}, "", "No such file or directory"),
    ({"src": "site", "dest": "/srv/x"}, "      become: true\n      become_user: nobody\n", "Permission denied"),
    ({"src": "site", "dest": "/srv/x"}, "      delegate_to: h2\n", "neither can log in to the other"),
    ({"src": "site", "dest": "/srv/x", "rsync_path": "/no/rsync"}, "", "; is rsync installed on the target?"),
])
def test_what_cannot_be(tree: Site, options: dict[str, object], more: str, message: str) -> None:
    result = task(tree, more, **options)
    assert result["failed"] and message in str(result["msg"])


def test_what_an_earlier_task_would_make_is_not_missed_in_a_plan(tree: Site) -> None:
    result = task(tree, check=True, src="/srv/none-there/", dest="back", mode="pull")
    assert not result.get("failed")

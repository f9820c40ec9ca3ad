"""Repositories of dnf and yum, in a directory of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import apply, fails, run

EPEL = {"name": "epel", "description": "Extra", "baseurl": ["https://a/", "https://b/"], "gpgcheck": True, "exclude": ["x*", "y"], "password": "hush"}
TEXT = "[epel]\nbaseurl = https://a/\n    https://b/\nexclude = x* y\ngpgcheck = 1\nname = Extra\npassword = hush\n"


@pytest.mark.parametrize(("before", "args", "after"), [
    (None, EPEL, {"epel.repo": TEXT}),
    ({"epel.repo": TEXT}, {**EPEL, "password": "new"}, {"epel.repo": TEXT.replace("hush", "new")}),
    ({"epel.repo": "# ours\n[a]\nname = a\n[epel]\nenabled = 0\n\n[b]\nname = b\n"}, EPEL, {"epel.repo": f"# ours\n[a]\nname = a\n\n{TEXT}\n[b]\nname = b\n"}),
    ({"all.repo": "[a]\nname = a\n"}, {"name": "m", "description": "M", "metalink": "https://m/", "enabled": False, "file": "all"},
     {"all.repo": "[a]\nname = a\n\n[m]\nenabled = 0\nmetalink = https://m/\nname = M\n"}),
    ({"epel.repo": TEXT}, {"name": "epel", "state": "absent"}, {}),
    ({"all.repo": f"[a]\nname = a\n\n{TEXT}"}, {"name": "epel", "state": "absent", "file": "all"}, {"all.repo": "[a]\nname = a\n"}),
])
def test_files(tmp_path: Path, before: dict[str, str] | None, args: dict[str, Any], after: dict[str, str]) -> None:
    for name, text in (before or {}).items():
        (tmp_path / name).write_text(text)
    apply("yum_repository", {**args, "reposdir": str(tmp_path)}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == after


def test_nothing_to_do_and_no_secret_in_the_diff(tmp_path: Path) -> None:
    apply("yum_repository", {"name": "epel", "state": "absent", "reposdir": str(tmp_path)}, tmp_path, changed=False)
    shown = run("yum_repository", {**EPEL, "reposdir": str(tmp_path), "mode": "0600"})["diff"]
    assert "hush" not in str(shown) and "password = ********" in str(shown)
    assert (tmp_path / "epel.repo").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("args", "words"), [
    ({"name": "a/b", "description": "x", "baseurl": ["u"]}, "cannot be the name of a repository"),
    ({"name": "a", "baseurl": ["u"]}, "needs a description"),
    ({"name": "a", "description": "x"}, "needs one of baseurl, metalink and mirrorlist"),
    ({"name": "a", "description": "x", "baseurl": ["u"], "reposdir": "/nowhere"}, "there is no directory /nowhere"),
])
def test_wrong(tmp_path: Path, args: dict[str, Any], words: str) -> None:
    fails("yum_repository", {"reposdir": str(tmp_path), **args}, words, tmp_path)

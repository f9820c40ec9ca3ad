from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.modules.sysroot import ok, run, settles

SAFE = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}


class Upstream:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        return subprocess.run(["git", "-c", "protocol.file.allow=always", *words], cwd=self.path, check=True, capture_output=True,
                              text=True).stdout.strip()

    def commit(self, text: str) -> str:
        (self.path / "file").write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    for key, value in SAFE.items():
        monkeypatch.setenv(key, value)
    return Upstream(tmp_path / "upstream")


def test_clone_and_follow(upstream: Upstream, tmp_path: Path) -> None:
    one = upstream.commit("one")
    dest = tmp_path / "a/b/work"
    done = settles("git", repo=str(upstream.path), dest=str(dest))
    assert (done["before"], done["after"]) == (None, one) and (dest / "file").read_text() == "one"
    two = upstream.commit("two")
    assert ok("git", repo=str(upstream.path), dest=str(dest), check=True)["after"] == two
    assert not ok("git", repo=str(upstream.path), dest=str(dest), update=False)["changed"]
    done = settles("git", repo=str(upstream.path), dest=str(dest))
    assert (done["before"], done["after"]) == (one, two)


def test_versions(upstream: Upstream, tmp_path: Path) -> None:
    one = upstream.commit("one")
    upstream.git("tag", "-a", "v1", "-m", "v1")
    upstream.git("checkout", "-q", "-b", "side")
    side = upstream.commit("side")
    upstream.git("checkout", "-q", "main")
    two = upstream.commit("two")
    repo, dest = str(upstream.path), str(tmp_path / "work")
    for version, commit in (("v1", one), ("side", side), ("main", two), (one, one), ("HEAD", two), ("v1", one), ("refs/heads/side", side)):
        assert settles("git", repo=repo, dest=dest, version=version)["after"] == commit, version
    for check in (True, False):
        assert "no branch or tag 'none'" in run("git", repo=repo, dest=dest, version="none", check=check)["msg"]
    for version, commit in (("v1", one), ("side", side), (one, one)):
        assert settles("git", repo=repo, dest=str(tmp_path / version[:5]), version=version)["after"] == commit
    assert "no branch or tag" in run("git", repo=repo, dest=str(tmp_path / "x"), version="none")["msg"]


def test_a_branch_that_was_rewritten(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    repo, dest = str(upstream.path), str(tmp_path / "work")
    ok("git", repo=repo, dest=dest, version="main")
    upstream.git("commit", "-q", "--amend", "-m", "other")
    new = upstream.git("rev-parse", "HEAD")
    assert settles("git", repo=repo, dest=dest, version="main")["after"] == new


def test_local_changes(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    repo, dest = str(upstream.path), tmp_path / "work"
    ok("git", repo=repo, dest=str(dest))
    (dest / "file").write_text("mine")
    (dest / "untracked").write_text("mine")
    kept = run("git", repo=repo, dest=str(dest))
    assert kept["failed"] and "Local modifications exist" in kept["msg"] and (dest / "file").read_text() == "mine"
    settles("git", repo=repo, dest=str(dest), force=True)
    assert (dest / "file").read_text() == "one" and (dest / "untracked").exists()


def test_depth_and_single_branch(upstream: Upstream, tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        upstream.commit(text)
    dest = tmp_path / "work"
    settles("git", repo=f"file://{upstream.path}", dest=str(dest), depth=1, single_branch=True, version="main")
    count = ["git", "rev-list", "--count", "HEAD"]
    assert subprocess.run(count, cwd=dest, capture_output=True, text=True).stdout.strip() == "1"
    upstream.commit("four")
    settles("git", repo=f"file://{upstream.path}", dest=str(dest), depth=1, version="main")


def test_bare_and_separate(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    repo = str(upstream.path)
    settles("git", repo=repo, dest=str(tmp_path / "bare"), bare=True)
    two = upstream.commit("two")
    assert settles("git", repo=repo, dest=str(tmp_path / "bare"), bare=True)["after"] == two
    settles("git", repo=repo, dest=str(tmp_path / "work"), separate_git_dir=str(tmp_path / "store"))
    assert (tmp_path / "store/HEAD").exists() and (tmp_path / "work/.git").is_file()


def test_another_address(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    other = Upstream(tmp_path / "other")
    there = other.commit("other")
    dest = str(tmp_path / "work")
    ok("git", repo=str(upstream.path), dest=dest)
    done = settles("git", repo=str(other.path), dest=dest)
    assert done["remote_url_changed"] and done["after"] == there


def test_submodules(upstream: Upstream, tmp_path: Path) -> None:
    part = Upstream(tmp_path / "part")
    part.commit("part one")
    upstream.git("submodule", "add", "-q", str(part.path), "part")
    upstream.commit("one")
    repo, dest = str(upstream.path), tmp_path / "work"
    settles("git", repo=repo, dest=str(dest))
    assert (dest / "part/file").read_text() == "part one"
    part.commit("part two")
    assert not ok("git", repo=repo, dest=str(dest))["changed"]
    settles("git", repo=repo, dest=str(dest), track_submodules=True)
    assert (dest / "part/file").read_text() == "part two"
    settles("git", repo=repo, dest=str(tmp_path / "flat"), recursive=False)
    assert not (tmp_path / "flat/part/file").exists()


def test_archive(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    settles("git", repo=str(upstream.path), dest=str(tmp_path / "work"), archive=str(tmp_path / "out.tar"), archive_prefix="app/")
    names = subprocess.run(["tar", "tf", str(tmp_path / "out.tar")], capture_output=True, text=True).stdout.split()
    assert names == ["app/", "app/file"]


def test_without_clone(upstream: Upstream, tmp_path: Path) -> None:
    one = upstream.commit("one")
    done = ok("git", repo=str(upstream.path), dest=str(tmp_path / "work"), clone=False)
    assert not done["changed"] and done["after"] == one and not (tmp_path / "work").exists()


@pytest.mark.parametrize("args", [
    {"repo": "--upload-pack=touch /tmp/fleet-pwned"}, {"repo": "ext::sh -c touch% /tmp/fleet-pwned"}, {"repo": "fd::17"},
    {"version": "--upload-pack=x"}, {"version": "a b"}, {"remote": "--x"}, {"remote": "a/../b"}, {"refspec": "-x"}, {"reference": "--x"},
    {"depth": 0}, {"archive": "/tmp/x.rar"}, {"umask": "9"}, {"key_file": "/no/such/key"},
])
def test_what_is_refused(args: dict[str, object], upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    result = run("git", **{"repo": str(upstream.path), "dest": str(tmp_path / "work"), **args})
    assert result["failed"] and not (tmp_path / "work").exists()
    assert not os.path.exists("/tmp/fleet-pwned")


def test_a_folder_with_something_else(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    (tmp_path / "work").mkdir()
    (tmp_path / "work/mine").write_text("x")
    assert "not empty" in run("git", repo=str(upstream.path), dest=str(tmp_path / "work"))["msg"]


def test_the_umask(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("one")
    ok("git", repo=str(upstream.path), dest=str(tmp_path / "work"), umask="077")
    assert (tmp_path / "work/file").stat().st_mode & 0o777 == 0o600
    assert os.umask(os.umask(0o022)) != 0o077

"""The file modules: each case is what is there before, the task, whether it changes, and what is there then."""

from __future__ import annotations

import base64
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import FilesCase, apply, build, case_id, fails, files_case, run

CASES: list[FilesCase] = [
    ("file", {}, {"path": "{}/a/b", "state": "directory", "mode": "0750"}, True, {"a/b": None}),
    ("file", {"a": None}, {"path": "{}/a", "state": "directory"}, False, {"a": None}),
    ("file", {"x": "1"}, {"path": "{}/x", "state": "absent"}, True, {}),
    ("file", {"d/x": "1"}, {"path": "{}/d", "state": "absent"}, True, {}),
    ("file", {}, {"path": "{}/no", "state": "absent"}, False, {}),
    ("file", {"x": "1"}, {"src": "{}/x", "dest": "{}/l", "state": "link"}, True, {"x": "1", "l": "1"}),
    ("file", {"x": "1"}, {"src": "x", "dest": "{}/l", "state": "link"}, True, {"x": "1", "l": "1"}),
    ("file", {"x": "1"}, {"src": "{}/x", "dest": "{}/l", "state": "hard"}, True, {"x": "1", "l": "1"}),
    ("file", {"x": "1"}, {"path": "{}/x", "mode": "0600"}, True, {"x": "1"}),
    ("file", {"x": "1"}, {"path": "{}/x", "setype": "etc_t", "seuser": "_default"}, False, {"x": "1"}),  # no SELinux here
    ("copy", {}, {"content": "hi\n", "dest": "{}/f"}, True, {"f": "hi\n"}),
    ("copy", {"f": "hi\n"}, {"content": "hi\n", "dest": "{}/f"}, False, {"f": "hi\n"}),
    ("copy", {"f": "old"}, {"content": "new", "dest": "{}/f", "force": False}, False, {"f": "old"}),
    ("copy", {"s": "text", "d": None}, {"src": "{}/s", "dest": "{}/d/", "remote_src": True}, True, {"d/s": "text"}),
    ("copy", {"s/a": "1", "s/b/c": "2"}, {"src": "{}/s/", "dest": "{}/t", "remote_src": True}, True, {"t/a": "1", "t/b/c": "2"}),
    ("lineinfile", {"f": "a\nb\n"}, {"path": "{}/f", "line": "c"}, True, {"f": "a\nb\nc\n"}),
    ("lineinfile", {"f": "a\nb\n"}, {"path": "{}/f", "line": "b"}, False, {"f": "a\nb\n"}),
    ("lineinfile", {"f": "x=1\ny=2\n"}, {"path": "{}/f", "regexp": "^x=", "line": "x=5"}, True, {"f": "x=5\ny=2\n"}),
    ("lineinfile", {"f": "a\nb"}, {"path": "{}/f", "line": "c", "insertafter": "^a"}, True, {"f": "a\nc\nb\n"}),
    ("lineinfile", {"f": "a\nb\n"}, {"path": "{}/f", "line": "0", "insertbefore": "BOF"}, True, {"f": "0\na\nb\n"}),
    ("lineinfile", {"f": "a=1\n"}, {"path": "{}/f", "regexp": "^a=(.*)", "line": "b=\\1", "backrefs": True}, True, {"f": "b=1\n"}),
    ("lineinfile", {"f": "a\nb\na\n"}, {"path": "{}/f", "regexp": "a", "state": "absent"}, True, {"f": "b\n"}),
    ("lineinfile", {}, {"path": "{}/f", "line": "a", "create": True}, True, {"f": "a\n"}),
    ("lineinfile", {"f": "a\r\nb\r\n"}, {"path": "{}/f", "line": "c"}, True, {"f": "a\r\nb\r\nc\r\n"}),
    ("blockinfile", {"f": "a\n"}, {"path": "{}/f", "block": "x\ny"}, True,
     {"f": "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n"}),
    ("blockinfile", {"f": "a\n# BEGIN m\nx\n# END m\nb\n"}, {"path": "{}/f", "block": "z", "marker": "# {mark} m"}, True,
     {"f": "a\n# BEGIN m\nz\n# END m\nb\n"}),
    ("blockinfile", {"f": "a\n# BEGIN m\nx\n# END m\nb\n"}, {"path": "{}/f", "state": "absent", "marker": "# {mark} m"}, True, {"f": "a\nb\n"}),
    ("blockinfile", {"f": "a\nb\n"}, {"path": "{}/f", "block": "x", "marker": "#{mark}", "insertafter": "^a"}, True, {"f": "a\n#BEGIN\nx\n#END\nb\n"}),
    ("blockinfile", {"f": "a\nb\na\n"}, {"path": "{}/f", "block": "x", "marker": "#{mark}", "insertafter": "(?m)a\nb"}, True,
     {"f": "a\nb\n#BEGIN\nx\n#END\na\n"}),
    ("blockinfile", {"f": "a\nb\n"}, {"path": "{}/f", "block": "x", "marker": "#{mark}", "insertafter": "a\nb"}, True, {"f": "a\nb\n#BEGIN\nx\n#END\n"}),
    ("assemble", {"s/b": "2", "s/a": "1\n", "s/c": "3\n", "s/sub/x": "no"}, {"src": "{}/s", "dest": "{}/f"}, True, {"f": "1\n2\n3\n"}),
    ("assemble", {"s/a": "1", "s/b": "2"}, {"src": "{}/s", "dest": "{}/f", "delimiter": "### next\\n"}, True, {"f": "1\n### next\n2"}),
    ("assemble", {"s/a": "1", "s/.b": "2", "s/c.no": "3"}, {"src": "{}/s", "dest": "{}/f", "regexp": "^[.a-z]+$", "ignore_hidden": True}, True, {"f": "1\n3"}),
    ("assemble", {"s/a": "1", "f": "1"}, {"src": "{}/s", "dest": "{}/f"}, False, {"f": "1"}),
    ("assemble", {"s": None, "f": "1"}, {"src": "{}/s", "dest": "{}/f"}, True, {"f": ""}),
    ("replace", {"f": "one two one\n"}, {"path": "{}/f", "regexp": "one", "replace": "1"}, True, {"f": "1 two 1\n"}),
    ("replace", {"f": "a [x] a [/x] a\n"}, {"path": "{}/f", "regexp": "a", "replace": "b", "after": "\\[x\\]", "before": "\\[/x\\]"}, True,
     {"f": "a [x] b [/x] a\n"}),
    ("replace", {"f": "same\n"}, {"path": "{}/f", "regexp": "other", "replace": "b"}, False, {"f": "same\n"}),
]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_case(tmp_path: Path, case: FilesCase) -> None:
    files_case(tmp_path, case)


def test_assemble_refuses(tmp_path: Path) -> None:
    build(tmp_path, {"s/a": "1", "f": "old"})
    args = {"src": str(tmp_path / "s"), "dest": str(tmp_path / "f")}
    for more, words in (({"src": str(tmp_path / "no")}, "does not exist"), ({"src": str(tmp_path / "f")}, "not a directory"), ({"regexp": "("}, "Invalid Regexp"),
                        ({"dest": str(tmp_path)}, "is a directory"), ({"validate": "grep old %s"}, "failed to validate")):
        fails("assemble", {**args, **more}, words, tmp_path)


def test_stat_slurp_find_tempfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, {"a.txt": "hello", "b.log": "x" * 5000, "d/c.txt": "more", ".hidden": ""})
    found = run("stat", {"path": str(tmp_path / "a.txt")})["stat"]
    assert found["isreg"] and found["size"] == 5 and found["checksum"] == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
    assert run("stat", {"path": str(tmp_path / "no")})["stat"] == {"exists": False}
    assert base64.b64decode(run("slurp", {"src": str(tmp_path / "a.txt")})["content"]) == b"hello"

    def names(**options: Any) -> list[str]:
        return sorted(os.path.basename(each["path"]) for each in run("find", {"paths": [str(tmp_path)], **options})["files"])

    assert names() == ["a.txt", "b.log"]
    assert names(patterns="*.txt", recurse=True) == ["a.txt", "c.txt"]
    assert names(file_type="directory") == ["d"] and names(hidden=True, size="-1") == [".hidden"]
    assert names(size="4k") == ["b.log"] and names(contains="hel.*") == ["a.txt"] and names(age="1h") == []
    depth = run("find", {"paths": [str(tmp_path)], "recurse": True, "depth": 1, "file_type": "any", "get_checksum": True})
    assert (depth["matched"], depth["examined"]) == (3, 4)  # the first level below is looked at, and counted
    assert names(mode="o+r", exact_mode=False) == names(mode="0004", exact_mode=False) == ["a.txt", "b.log"]
    made = run("tempfile", {"path": str(tmp_path), "suffix": ".x"})
    assert made["changed"] and made["path"].endswith(".x") and os.path.exists(made["path"])
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("tempfile", {"path": "~", "state": "directory"})["path"].startswith(f"{tmp_path}/ansible.")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    found = run("find", {"paths": [str(tmp_path)], "contains": "x"})
    assert "(Python default)" in found["skipped_paths"][str(tmp_path)] and "(Python default)" in found["warnings"][0]
    found = run("find", {"paths": [str(tmp_path)], "contains": "x", "encoding": "nonsense"})
    assert found["skipped_paths"][str(tmp_path)] == "unknown encoding: nonsense"
    assert run("find", {"paths": [str(tmp_path)], "contains": "caf", "encoding": "latin-1"})["matched"] == 1
    for path, words in (("none", "File not found"), ("", "Source is a directory"), ("latin/x", "Unable to slurp file")):
        assert words in run("slurp", {"src": str(tmp_path / path)})["msg"]


def test_modes_and_flags_as_they_are_told(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    assert run("file", {"path": str(path), "state": "touch", "mode": "01444"})["mode"] == "01444"
    assert run("file", {"path": str(path), "mode": "0644"})["mode"] == "0644"
    predicted = run("file", {"path": str(tmp_path / "new"), "state": "touch", "owner": "424242", "group": "424242"}, check=True)
    assert [word for text in predicted["warnings"] for word in ("with uid", "with gid") if word in text] == ["with uid", "with gid"]


def test_flags_are_added_once(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    first = run("file", {"path": str(path), "attributes": "A"})
    assert not first.get("failed"), first
    assert first["changed"] and "A" in run("stat", {"path": str(path)})["stat"]["attr_flags"]
    assert not run("file", {"path": str(path), "attributes": "+A"})["changed"] and not run("file", {"path": str(path), "attributes": "A"})["changed"]
    assert run("file", {"path": str(path), "attributes": "-A"})["changed"]


def archives(tmp_path: Path) -> Iterator[bytes]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("d/f")
        info.size, info.mode = 4, 0o640
        tar.addfile(info, io.BytesIO(b"text"))
    yield out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("d/f", "text")
    yield out.getvalue()


def test_unarchive(tmp_path: Path) -> None:
    for number, data in enumerate(archives(tmp_path)):
        dest = tmp_path / str(number)
        dest.mkdir()
        apply("unarchive", {"src": "a", "dest": str(dest)}, dest, blob=data)
        assert (dest / "d/f").read_text() == "text"


@pytest.mark.parametrize(("options", "wanted"), [
    (["--strip-components=1"], ["bin/tool", "docs/page", "hard", "link"]),
    (["--strip-components", "2"], ["page", "tool"]),
    (["--exclude=app-1/docs", "--no-same-owner"], ["app-1/bin/tool", "app-1/hard", "app-1/link"]),
    (["--exclude", "*tool", "--strip=1"], ["docs/page", "link"]),
    (["--transform=s/a/b/"], "extra_opts: '--transform=s/a/b/' is not supported"),
])
def test_unarchive_by_options_of_tar(tmp_path: Path, options: list[str], wanted: list[str] | str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in ("app-1/bin/tool", "app-1/docs/page"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        for name, kind, target in (("app-1/hard", tarfile.LNKTYPE, "app-1/bin/tool"), ("app-1/link", tarfile.SYMTYPE, "bin/tool")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            if not (kind == tarfile.LNKTYPE and "*tool" in options):
                tar.addfile(info)
    args = {"src": "a", "dest": str(tmp_path), "extra_opts": options}
    if isinstance(wanted, str):
        assert wanted in run("unarchive", args, blob=out.getvalue())["msg"] and not list(tmp_path.iterdir())
        return
    apply("unarchive", args, tmp_path, blob=out.getvalue())
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()) == wanted


@pytest.mark.parametrize("kind", ["up", "absolute", "link", "device"])
def test_unarchive_refuses_what_leads_outside(tmp_path: Path, kind: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("good"), io.BytesIO())
        info = tarfile.TarInfo({"up": "../evil", "absolute": "/tmp/evil", "link": "l", "device": "dev"}[kind])
        if kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "/tmp"
        if kind == "device":
            info.type = tarfile.CHRTYPE
        tar.addfile(info)
        if kind == "link":
            tar.addfile(tarfile.TarInfo("l/evil"))
    result = run("unarchive", {"src": "a", "dest": str(tmp_path)}, blob=out.getvalue())
    assert result["failed"] and "nothing was unpacked" in result["msg"]
    assert not list(tmp_path.iterdir())


def test_get_url(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/f").write_text("data")
    (tmp_path / "out").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "www/a.tgz").write_bytes(next(archives(tmp_path)))
        (tmp_path / "unpacked").mkdir()
        apply("unarchive", {"src": f"{url}/a.tgz", "remote_src": True, "dest": str(tmp_path / "unpacked")}, tmp_path / "unpacked")
        assert (tmp_path / "unpacked/d/f").read_text() == "text"
        assert "did not come from" in run("unarchive", {"src": f"{url}/none.tgz", "remote_src": True, "dest": str(tmp_path)})["msg"]
        good = "sha256:3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
        apply("get_url", {"url": f"{url}/f", "dest": str(tmp_path / "out/f"), "checksum": good}, tmp_path / "out")
        assert (tmp_path / "out/f").read_text() == "data"
        assert run("get_url", {"url": f"{url}/none", "dest": str(tmp_path / "out/g")})["status_code"] == 404
        wrong = run("get_url", {"url": f"{url}/f", "dest": str(tmp_path / "out/h"), "checksum": good.replace("3a", "3b")})
        assert "did not match" in wrong["msg"] and sorted(os.listdir(tmp_path / "out")) == ["f"]
    finally:
        server.shutdown()
        server.server_close()

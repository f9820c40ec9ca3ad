"""Fetching what images are made of, from a server of our own on the loopback: verified, resumed where it broke off, kept."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import run

CONTENT = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """files: by path. breaks: bytes after which each of the next answers is cut off. ranges: whether parts are given."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/disk.raw": CONTENT}
        self.breaks: list[int] = []
        self.ranges = True
        self.statuses: list[int] = []
        self.seen: list[tuple[str, str]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        data = self.server.files.get(self.path)
        wanted = self.headers.get("Range", "") if self.server.ranges else ""
        self.server.seen.append((self.path, wanted))
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
            return
        if data is None:
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
        start = int(wanted[6:-1]) if wanted and self.headers.get("If-Range") == etag else 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.server.breaks.pop(0) if self.server.breaks else len(data)
        self.wfile.write(data[start:start + cut])

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("fleet.modules._image_fetch.PAUSE", 0)
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def fetch(server: Server, store: Path, name: str = "disk.raw", **args: Any) -> dict[str, Any]:
    return run("_image_fetch", {"url": server.url(name), "store": str(store), **args})


def failure(server: Server, store: Path, **args: Any) -> str:
    result = fetch(server, store, **args)
    assert result.get("failed"), result
    names = os.listdir(store / "downloads") if (store / "downloads").exists() else []
    assert [name for name in names if not name.endswith((".part", ".part.json"))] == []
    return str(result["msg"])


def test_fetched_once_and_kept(server: Server, tmp_path: Path) -> None:
    first = fetch(server, tmp_path, checksum="sha256:" + DIGEST)
    assert (first["changed"], first["sha256"]) == (True, DIGEST) and Path(first["path"]).read_bytes() == CONTENT
    again = fetch(server, tmp_path, checksum="sha256:" + DIGEST)
    assert not again["changed"] and again["path"] == first["path"] and len(server.seen) == 1


@pytest.mark.parametrize("breaks", [[1000], [300000, 1, 0, 200000], [0, 0]])
def test_a_broken_transfer_is_resumed(server: Server, tmp_path: Path, breaks: list[int]) -> None:
    server.breaks = list(breaks)
    assert Path(fetch(server, tmp_path, checksum="sha256:" + DIGEST)["path"]).read_bytes() == CONTENT
    start = sum(breaks)
    assert server.seen[-1][1] == (f"bytes={start}-" if start else "") and len(server.seen) == len(breaks) + 1


def test_what_came_is_kept_for_the_next_run(server: Server, tmp_path: Path) -> None:
    server.breaks = [400000] + [0] * 5
    assert "goes on from there" in failure(server, tmp_path, checksum="sha256:" + DIGEST)
    server.seen.clear()
    assert fetch(server, tmp_path, checksum="sha256:" + DIGEST)["sha256"] == DIGEST
    assert server.seen == [("/disk.raw", "bytes=400000-")]


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, [500000]
    assert Path(fetch(server, tmp_path, checksum="sha256:" + DIGEST)["path"]).read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_mixed(server: Server, tmp_path: Path) -> None:
    server.breaks = [400000] + [0] * 5
    failure(server, tmp_path, unverified=True)
    server.files["/disk.raw"] = b"other" * 100000
    assert Path(fetch(server, tmp_path, unverified=True)["path"]).read_bytes() == b"other" * 100000


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503]
    assert fetch(server, tmp_path, checksum="sha256:" + DIGEST)["sha256"] == DIGEST


@pytest.mark.parametrize(("args", "words"), [
    ({"checksum": "sha256:" + "0" * 64}, "is not what it should be"), ({}, "nothing says what"), ({"checksum": "md5:" + "0" * 32}, "a checksum is"),
    ({"checksum": "sha256"}, "a checksum is"), ({"name": "none", "unverified": True}, "404"), ({"signature": "http://x/y"}, "needs the keyring"),
])
def test_what_is_wrong(server: Server, tmp_path: Path, args: dict[str, Any], words: str) -> None:
    assert words in failure(server, tmp_path, **args)


def test_checksums_in_a_file(server: Server, tmp_path: Path) -> None:
    server.files["/SUMS"] = f"{'1' * 64}  other.raw\n{DIGEST} *disk.raw\n".encode()
    assert fetch(server, tmp_path, checksum="sha256:" + server.url("SUMS"))["sha256"] == DIGEST
    server.files["/SUMS"] = b""
    assert "no checksum of disk.raw" in failure(server, tmp_path / "other", checksum="sha256:" + server.url("SUMS"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Path]]:
    """Two GnuPG keys: the public part, armoured and in base64, and the home that signs with it."""
    found = {}
    for name in ("publisher", "stranger"):
        home = tmp_path_factory.mktemp(name)
        home.chmod(0o700)
        gpg(home, "--quick-generate-key", f"{name}@example.org", "ed25519", "sign", "never")
        found[name] = (base64.b64encode(gpg(home, "--armor", "--export")).decode(), home)
    yield found  # type: ignore[misc]
    for _, home in found.values():
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)


def gpg(home: Path, *words: str, data: bytes = b"") -> bytes:
    return subprocess.run(["gpg", "--homedir", str(home), "--batch", "--passphrase", "", *words], input=data, capture_output=True, check=True).stdout


def test_signatures(server: Server, tmp_path: Path, keys: dict[str, tuple[str, Path]]) -> None:
    """Of the file itself or of the file of checksums; and another's key, or another file, is not enough."""
    public, home = keys["publisher"]
    server.files["/disk.sig"] = gpg(home, "--detach-sign", data=CONTENT)
    assert fetch(server, tmp_path / "a", signature=server.url("disk.sig"), keyring=public)["sha256"] == DIGEST
    server.files["/SUMS"] = f"{DIGEST}  disk.raw\n".encode()
    server.files["/SUMS.sig"] = gpg(home, "--armor", "--detach-sign", data=server.files["/SUMS"])
    sums = {"checksum": "sha256:" + server.url("SUMS"), "signature": server.url("SUMS.sig"), "keyring": public}
    assert fetch(server, tmp_path / "b", **sums)["sha256"] == DIGEST
    assert "is not one of the keyring's" in failure(server, tmp_path / "c", **{**sums, "keyring": keys["stranger"][0]})
    server.files["/SUMS"] += b"\n"
    assert "is not one of the keyring's" in failure(server, tmp_path / "d", **sums)
    server.files["/disk.raw"] = CONTENT + b"x"
    assert "is not one of the keyring's" in failure(server, tmp_path / "e", signature=server.url("disk.sig"), keyring=public)

"""uri against a small real server: (arguments -> words of the result)."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import apply, fails, run


class Answers(http.server.BaseHTTPRequestHandler):
    """/echo: what was asked, as JSON; /to: redirects there; /file: to a file of the host; /STATUS: that status."""

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        where = self.path.strip("/")
        status, headers = (int(where), {}) if where.isdigit() else (200, {})
        if where.startswith("to"):
            status, headers = 302, {"Location": "/echo"}
        if where == "file":
            status, headers = 302, {"Location": "file:///etc/hostname"}
        content = json.dumps({"method": self.command, "body": body, "type": self.headers.get("Content-Type"), "auth": self.headers.get("Authorization"),
                              "x": self.headers.get("X-Is")}).encode()
        if where == "half":
            content = b"{"
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def log_message(self, *args: Any) -> None:
        pass


def certificates(folder: Path) -> None:
    """ca.pem, and me.pem with its key, which is a server's and a client's."""
    for name, issuer in (("ca", None), ("me", "ca")):
        signed = ["-x509"] if issuer is None else ["-x509", "-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key")]
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *signed, "-subj", f"/CN={name}", "-days", "2",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
                       check=True, capture_output=True)


def test_a_server_that_wants_a_certificate(tmp_path: Path) -> None:
    certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "me.pem", tmp_path / "me.key")
    context.load_verify_locations(tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.handle_error = lambda *args: None  # type: ignore[method-assign]
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        asked = {"url": f"https://127.0.0.1:{made.server_port}/echo", "ca_path": str(tmp_path / "ca.pem"), "timeout": 5}
        assert run("uri", asked)["failed"]
        assert run("uri", {**asked, "client_cert": str(tmp_path / "me.pem"), "client_key": str(tmp_path / "me.key")})["status"] == 200
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize(("args", "wanted"), [
    ({"url": "/echo"}, {"method": "GET", "body": ""}),
    ({"url": "/echo", "method": "POST", "body": {"a": 1}, "body_format": "json"}, {"method": "POST", "body": '{"a": 1}', "type": "application/json"}),
    ({"url": "/echo", "method": "PUT", "body": {"a": [1, 2], "b": "x y"}, "body_format": "form-urlencoded"},
     {"body": "a=1&a=2&b=x+y", "type": "application/x-www-form-urlencoded"}),
    ({"url": "/echo", "headers": {"X-Is": 5}, "url_username": "me", "url_password": "pw"}, {"x": "5", "auth": "Basic bWU6cHc="}),
    ({"url": "/to"}, {"method": "GET"}),
])
def test_what_is_sent(server: str, args: dict[str, Any], wanted: dict[str, Any]) -> None:
    result = run("uri", {**args, "url": server + args["url"]})
    assert not result.get("failed") and not result["changed"], result
    assert result["status"] == 200 and {key: result["json"][key] for key in wanted} == wanted
    assert "content" not in result and result["redirected"] is (args["url"] == "/to")


@pytest.mark.parametrize(("args", "words"), [
    ({"url": "/503"}, "Status code was 503 and not [200]"),
    ({"url": "/to", "follow_redirects": "none"}, "Status code was 302"),
    ({"url": "/to", "method": "POST"}, "Status code was 302"),
    ({"url": "/file"}, "Status code was 302"),
    ({"url": "/echo", "method": "G T"}, "single word in uppercase"),
])
def test_what_is_not_right(server: str, args: dict[str, Any], words: str) -> None:
    fails("uri", {**args, "url": server + args["url"]}, words)


def test_statuses_content_and_nobody_there(server: str) -> None:
    result = run("uri", {"url": f"{server}/404", "status_code": [200, 404], "return_content": True})
    assert not result.get("failed") and result["status"] == 404 and result["content"].startswith("{")
    assert "json" not in run("uri", {"url": f"{server}/half"})
    nobody = fails("uri", {"url": "http://127.0.0.1:1/"}, "Status code was -1")
    assert nobody["status"] == -1 and "refused" in nobody["msg"]


def test_check_only_reads(server: str) -> None:
    assert run("uri", {"url": f"{server}/echo"}, check=True)["status"] == 200
    assert run("uri", {"url": f"{server}/echo", "method": "DELETE"}, check=True)["skipped"]


def test_a_file_of_it(server: str, tmp_path: Path) -> None:
    apply("uri", {"url": f"{server}/echo", "dest": str(tmp_path / "answer"), "mode": "0600"}, tmp_path)
    assert json.loads((tmp_path / "answer").read_text())["method"] == "GET"

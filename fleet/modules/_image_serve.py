"""One exported image offered to other hosts for as long as this runner lives: over TLS, under a name nobody can guess, by HTTP with ranges."""
import hmac
import os
import socket
import subprocess
import tempfile
from typing import Any, List

from fleet.modules import _image_ns as ns
from fleet.modules import _image_store as store_
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Spec

SPEC = Spec("_image_serve", "Offer an exported image to other hosts", {
    "path": Opt("path", "The file.", required=True),
    "token": Opt("str", "The name it is offered by.", required=True, no_log=True),
    "pem": Opt("str", "Certificate and key.", required=True, no_log=True),
    "limit": Opt("int", "Seconds after which it ends in any case.", default=3600),
})


def run(m):
    # type: (Module) -> Any
    try:
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    except ImportError:
        m.fail("this host's Python has no TLS")
    with tempfile.NamedTemporaryFile("w") as stream:  # mode 0600
        stream.write(m.args.pem)
        stream.flush()
        context.load_cert_chain(stream.name)
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", 0))
    listener.listen(64)
    port = listener.getsockname()[1]
    pid = yield Change("offer", None, m.args.path, lambda: offer(m, listener, context))
    listener.close()
    return {"port": port, "addresses": addresses(m), "pid": pid}


def addresses(m):
    # type: (Module) -> List[str]
    done = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [word for word in done.stdout.decode().split() if "." in word]


def offer(m, listener, context):
    # type: (Module, socket.socket, Any) -> int
    """A process of its own, which ends with this one."""
    import http.server
    import signal
    import socketserver
    args = m.args

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            # type: () -> None
            if not hmac.compare_digest(self.path.encode("utf-8", "replace"), ("/" + args.token).encode()):
                self.send_error(404)
                return
            size = os.path.getsize(args.path)
            start = 0
            wanted = self.headers.get("Range") or ""
            if wanted.startswith("bytes=") and wanted[6:].rstrip("-").isdigit():
                start = int(wanted[6:].rstrip("-"))
            if start > size:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(size - start))
            self.send_header("ETag", '"%s"' % args.token[:16])
            self.end_headers()
            with open(args.path, "rb") as stream:
                stream.seek(start)
                for chunk in iter(lambda: stream.read(1 << 18), b""):
                    self.wfile.write(chunk)

        def log_message(self, *words):
            # type: (*Any) -> None
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
        daemon_threads = True

        def get_request(self):
            # type: () -> Any
            connection, address = self.socket.accept()
            connection.settimeout(60)
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    pid = os.fork()
    if pid == 0:
        try:
            ns.alone()
            signal.alarm(args.limit)
            null = os.open("/dev/null", os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            for name in os.listdir("/proc/self/fd"):
                if int(name) > 2 and int(name) != listener.fileno():
                    try:
                        os.close(int(name))
                    except OSError:
                        pass
            server = Server(("", 0), Handler, bind_and_activate=False)
            server.socket.close()
            server.socket = listener
            server.serve_forever()
        finally:
            os._exit(1)
    return pid

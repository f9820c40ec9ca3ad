"""What the host's init runs for a container: a supervisor that is a service. It is started from a file on the host, without a controller."""
import json
import os
import signal
import socket
import sys
import time
from typing import Any, Dict

from fleet.modules import _container_life, _container_network
from fleet.modules._container_supervise import Supervisor
from fleet.runner import container

USELESS = 75  # exit status: another attempt would end like this one
PATIENCE = 60.0  # seconds in which bridges may come up while the host boots


def main(name):
    # type: (str) -> None
    """Supervise a container until it is stopped. Ends the process."""
    c = container.load(name)
    if c is None:
        print("there is no container '%s' here" % name, file=sys.stderr)
        sys.exit(USELESS)
    found = container.state(name)
    if found and container.supervised(found):
        print("the container %s runs already; `fleet apply` started it" % name, file=sys.stderr)
        sys.exit(USELESS)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what it starts would
        signal.signal(number, signal.SIG_DFL)
    address = os.environ.get("NOTIFY_SOCKET", "")
    for variable in list(os.environ):
        if variable not in ("PATH", "LANG", "LC_ALL"):
            del os.environ[variable]
    end = time.time() + PATIENCE
    while _container_network.missing(c.options) and time.time() < end:
        time.sleep(0.5)
    _container_life.sweep(c)
    Service(c, address).main()


class Service(Supervisor):
    """A supervisor that tells systemd and, in a file, whoever asked systemd to start it."""

    def __init__(self, c, address):
        # type: (container.Container, str) -> None
        Supervisor.__init__(self, c, None)
        self.address = address
        self.waiting = True  # systemd, at least

    def tell(self, message):
        # type: (Dict[str, Any]) -> None
        if not self.waiting:
            return
        self.waiting = False
        if message.get("error"):
            print(message["error"], file=sys.stderr, flush=True)
        try:
            with open(os.path.join(self.c.runtime, "outcome.json"), "w") as stream:
                json.dump(message, stream)
        except OSError:
            pass  # it was removed meanwhile; nobody reads it then
        if self.address and not message.get("error"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.sendto(b"READY=1", "\0" + self.address[1:] if self.address.startswith("@") else self.address)

"""Run Python plays on hosts that are this machine, and count what goes over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleet.api import prepare, start
from fleet.connection.base import Endpoint, Reply, Request
from fleet.connection.pool import Pool
from fleet.engine.hub import Hub
from fleet.events import Event
from fleet.options import RunOptions
from fleet.settings import load_settings
from tests.engine.harness import Seen, Site


class Rounds:
    """Connections between engine and targets that hold the replies back until all that was sent is answered: then one round trip is over."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.hub: Hub
        self.trips = 0
        self.requests: list[Request] = []
        self.outstanding = 0
        self.held: list[tuple[Callable[[Reply], None], Reply]] = []

    def submit(self, endpoint: Endpoint, request: Request, done: Callable[[Reply], None]) -> None:
        self.requests.append(request)
        self.outstanding += 1
        self.inner.submit(endpoint, request, lambda reply: self.hub.post(self._back, done, reply))

    def _back(self, done: Callable[[Reply], None], reply: Reply) -> None:
        # Runs when the engine has nothing left to do, so all that it will send before it hears something is sent.
        self.outstanding -= 1
        self.held.append((done, reply))
        if not self.outstanding:
            self.trips += 1
            held, self.held = self.held, []
            for give, each in held:
                give(each)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def count(site: Site, playbook: str, name: str = "play.py", inner: Any = None, **options: Any) -> tuple[Seen, Rounds]:
    """Run a playbook on one host; what was seen, and the connections that counted."""
    site.write(name, playbook)
    events: list[Event] = []
    given = RunOptions(inventory=(str(site.path / "hosts"),), limit=options.pop("limit", "a"), **options)
    settings = load_settings(site.path)
    rounds = Rounds(inner or Pool())
    run = start(prepare([str(site.path / name)], given, settings), given, settings, command="apply", subscribers=[events.append], connections=rounds)
    rounds.hub = run.hub
    books = prepare([str(site.path / name)], given, settings).books
    finished = run.execute(books)
    return Seen(finished.status, finished.stats, events, finished.error), rounds

from __future__ import annotations

import threading
import time

import pytest

from fleet.engine.hub import Hub


def test_fibers_wait_for_one_another() -> None:
    hub = Hub()
    order: list[str] = []

    def worker(name: str, pause: float) -> str:
        hub.sleep(pause)
        order.append(name)
        return name

    def main() -> list[str]:
        return [fiber.wait() for fiber in [hub.spawn(worker, "slow", 0.05), hub.spawn(worker, "quick", 0.01)]]

    assert hub.run(main) == ["slow", "quick"]
    assert order == ["quick", "slow"]


def test_blocking_work_leaves_the_thread() -> None:
    hub = Hub()
    threads = hub.run(lambda: (threading.get_ident(), hub.blocking(threading.get_ident)))
    assert threads[0] != threads[1]


def test_an_error_reaches_who_waits() -> None:
    hub = Hub()

    def bad() -> None:
        raise ValueError("no")

    def main() -> None:
        fiber = hub.spawn(bad)
        with pytest.raises(ValueError, match="no"):
            fiber.wait()
        with pytest.raises(ValueError, match="no"):
            hub.blocking(bad)

    hub.run(main)


def test_post_from_another_thread_wakes_at_once() -> None:
    hub = Hub()

    def main() -> float:
        from fleet.engine.hub import Promise
        promise: Promise[float] = Promise(hub)
        threading.Timer(0.02, lambda: hub.post(promise.set, time.monotonic())).start()
        sent = promise.wait()
        return time.monotonic() - sent

    assert hub.run(main) < 0.5

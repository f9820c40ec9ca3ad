"""One command on many hosts, against as many parallel ssh."""

from __future__ import annotations

from benchmarks.harness import Bench, Row, in_turns, ratio


def measure(bench: Bench) -> list[Row]:
    count = bench.size(200, 2)
    inventory = str(bench.up(count))
    samples = in_turns({
        "ssh": lambda: bench.parallel_ssh(count, "uname -a", at_once=20),
        "fleet": lambda: bench.fleet("run", "-i", inventory, "all", "-m", "command", "-a", "uname -a"),
    }, min(bench.runs, 3))
    return [Row(f"one command on {count} hosts", ratio(samples, "fleet", "ssh"), 1.2, per="20 parallel ssh", samples=samples)]

"""What a command costs before it does anything."""

from __future__ import annotations

from benchmarks.harness import Bench, Row, in_turns, middle


def measure(bench: Bench) -> list[Row]:
    nothing = bench.write("nothing.yml", "- hosts: localhost\n  gather_facts: false\n  tasks: []\n")
    samples = in_turns({"version": lambda: bench.fleet("--version"), "nothing": lambda: bench.fleet("apply", nothing)}, bench.runs * 2)
    return [Row("fleet --version", middle(samples["version"]), 0.1, "s", samples=samples),
            Row("fleet apply of nothing", middle(samples["nothing"]), 0.25, "s")]

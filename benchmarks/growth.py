"""The work of site.yml as the hosts grow: the floor and fleet, in time and memory."""

from __future__ import annotations

from benchmarks.harness import Bench, Row, in_turns, middle, ratio
from benchmarks.site import contenders


def measure(bench: Bench) -> list[Row]:
    """The floor and fleet as the hosts grow: time, and what a host costs in memory."""
    counts = (1, 2) if bench.smoke else (1, 10, 50, 100, 200)
    points: dict[str, list[tuple[float, float]]] = {"floor": [], "fleet": [], "dsl": []}
    memory: list[tuple[int, float]] = []
    bench.up(counts[-1])
    for count in counts:
        print(f"  {count} hosts")
        samples = in_turns(contenders(bench, count), min(bench.runs, 3))
        for name, found in samples.items():
            points[name].append((count, middle(found)))
        memory.append((count, middle(samples["fleet"], "memory")))
    last = counts[-1]
    each = [seconds / count for count, seconds in points["fleet"]]
    return [
        Row(f"site.yml, {last} hosts", ratio(samples, "fleet", "floor"), 1.5, per="the floor", samples=samples, points=points),
        Row(f"the same in the DSL, {last} hosts", ratio(samples, "dsl", "floor"), 1.5, per="the floor"),
        Row(f"memory of the controller, {last} hosts", memory[-1][1], 300, "MB", note=", ".join(f"{n} hosts: {m:.0f} MB" for n, m in memory)),
        Row(f"a host's cost, {last} hosts against {counts[1]}", each[-1] / each[1], 1.1, per=f"{counts[1]} hosts",
            note=", ".join(f"{n}: {s * 1000:.0f} ms" for (n, _), s in zip(points["fleet"], each, strict=True))),
    ]

"""docs/performance.md and its plots, made from benchmarks/results: python -m benchmarks.report

The prose is benchmarks/performance.md; `{{table}}`, `{{machine}}` and the like stand in it for what is measured.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.harness import HERE
from benchmarks.run import NAMES

DOCS = HERE.parent / "docs"


def load(results: Path) -> dict[str, Any]:
    """The results there are, by benchmark."""
    return {name: json.loads(path.read_text()) for name in NAMES if (path := results / f"{name}.json").exists()}


def table(found: dict[str, Any]) -> str:
    lines = ["| work | to reach | reached | | |", "|---|---|---|---|---|"]
    for result in found.values():
        for row in result["rows"]:
            per = f" of {row['per']}" if row["unit"] == "x" and row["per"] else ""
            what = "at most" if row["low"] else "at least"
            mark = "yes" if row["reached"] else "[missed](#misses)"
            lines.append(f"| {row['work']} | {what} {number(row['limit'])} {row['unit']}{per} | {number(row['value'])} {row['unit']} | {mark} | {row['note']} |")
    return "\n".join(lines)


def number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def medians(found: dict[str, Any]) -> str:
    """Seconds of each contender, so that the ratios can be followed."""
    lines = ["| work | contender | median s | each s |", "|---|---|---|---|"]
    for result in found.values():
        for row in result["rows"]:
            for name, samples in row["samples"].items():
                each = sorted(sample["seconds"] for sample in samples)
                lines.append(f"| {row['work']} | {name} | {each[len(each) // 2]:.3f} | {', '.join(f'{s:.2f}' for s in each)} |")
    return "\n".join(lines)


def machine(found: dict[str, Any]) -> str:
    known = next(iter(found.values()))["machine"]
    loads = [result["machine"]["load_before"] for result in found.values()]
    return (f"{known['cores']} cores of {known['cpu']}, {known['memory_gib']} GiB, Linux {known['kernel']}, Python {known['python']}, {known['ssh']}; "
            f"{known['date']} UTC. The lab's hosts are on the same machine, so controller and targets share the cores. "
            f"Load before the benchmarks (others were at work on the machine): {min(loads)} to {max(loads)}.")


def plot(points: dict[str, list[list[float]]], across: str, name: str) -> None:
    """Time against hosts or tasks, as PNG and SVG."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "fleet"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    for label, line in points.items():
        axes.plot([x for x, _ in line], [y for _, y in line], marker="o", label=label)
    axes.set_xlabel(across)
    axes.set_ylabel("seconds")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    folder = DOCS / "performance"
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def plots(found: dict[str, Any]) -> str:
    made = []
    for name, across in (("growth", "hosts"), ("tasks", "tasks")):
        points = next((row["points"] for row in found.get(name, {"rows": []})["rows"] if row["points"]), None)
        if points:
            plot(points, across, name)
            made.append(f"![seconds against {across}](performance/{name}.svg)\n\n(as [PNG](performance/{name}.png))")
    return "\n\n".join(made)


def main() -> None:
    found = load(HERE / "results")
    values = {"table": table(found), "machine": machine(found), "medians": medians(found), "plots": plots(found)}
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match.group(1)], (HERE / "performance.md").read_text())
    (DOCS / "performance.md").write_text(text)
    print(DOCS / "performance.md")


if __name__ == "__main__":
    main()

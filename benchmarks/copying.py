"""A large file against scp, many small files against rsync; new, unchanged and changed."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from benchmarks.harness import Bench, Row, command, in_turns, middle, ratio


def measure(bench: Bench) -> list[Row]:
    inventory = str(bench.up(1))
    rows = large(bench, inventory)
    if shutil.which("rsync"):
        rows += small(bench, inventory)
    else:
        print("    there is no rsync here; small files are not measured")
    return rows


def large(bench: Bench, inventory: str) -> list[Row]:
    size = bench.size(1024, 8)
    source = bench.folder / "large"
    if not source.exists() or source.stat().st_size != size << 20:
        with source.open("wb") as stream:
            for _ in range(size):
                stream.write(os.urandom(1 << 20))
    book = bench.write("large.yml", f"- hosts: b1\n  gather_facts: false\n  tasks:\n    - copy: {{src: {source}, dest: /srv/large}}\n")

    def clear() -> None:
        bench.ssh("b1", "rm -f /srv/large*")

    samples = in_turns({
        "scp": lambda: command(["scp", *bench.ssh_options("b1"), str(source), bench.place("b1") + ":/srv/large.scp"]),
        "fleet": lambda: bench.fleet("apply", "-i", inventory, book),
    }, min(bench.runs, 3), {"scp": clear, "fleet": clear})
    clear()
    return [Row(f"copy of {size} MiB", ratio(samples, "fleet", "scp"), 1.3, per="scp", samples=samples),
            Row(f"memory of the controller, copy of {size} MiB", middle(samples["fleet"], "memory"), 150, "MB")]


def small(bench: Bench, inventory: str) -> list[Row]:
    count = bench.size(10_000, 100)
    source = bench.folder / "small"
    names = _tree(source, count)
    book = bench.write("small.yml", f"- hosts: b1\n  gather_facts: false\n  tasks:\n    - copy: {{src: {source}/, dest: /srv/small}}\n")
    shell = " ".join(["ssh", *bench.ssh_options("b1")])

    def rsync(options: str) -> object:
        return lambda: command(["rsync", *options.split(), "-e", shell, f"{source}/", bench.place("b1") + ":/srv/small.rsync/"])

    def change() -> None:
        for name in names[::10]:
            (source / name).write_bytes(random.randbytes(1000))

    def clear() -> None:
        bench.ssh("b1", "rm -rf /srv/small*")

    def fleet() -> object:
        return bench.fleet("apply", "-i", inventory, book)

    runs = min(bench.runs, 3)
    new = in_turns({"rsync --fsync": rsync("-a --fsync"), "rsync": rsync("-a"), "fleet": fleet}, min(runs, 2), {
        "rsync --fsync": clear, "rsync": clear, "fleet": clear})
    in_turns({"rsync": rsync("-a"), "fleet": fleet}, 0)
    same = in_turns({"rsync -c": rsync("-ac"), "rsync": rsync("-a"), "fleet": fleet}, runs)
    some = in_turns({"rsync -c --fsync": rsync("-ac --fsync"), "fleet": fleet}, runs, {"rsync -c --fsync": change, "fleet": change})
    clear()
    return [
        Row(f"{count} small files, unchanged", ratio(same, "fleet", "rsync -c"), 1.3, per="rsync -c (which makes digests too)", samples=same,
            note=f"against rsync, which looks at times and sizes: {ratio(same, 'fleet', 'rsync'):.2f}x"),
        Row(f"{count} small files, a tenth changed", ratio(some, "fleet", "rsync -c --fsync"), 1.3, per="rsync -c --fsync", samples=some),
        Row(f"{count} small files, new", ratio(new, "fleet", "rsync --fsync"), 1.3, per="rsync --fsync (which flushes too)", samples=new,
            note=f"against rsync, which flushes nothing: {ratio(new, 'fleet', 'rsync'):.2f}x"),
    ]


def _tree(source: Path, count: int) -> list[str]:
    """Files of 200 to 4,000 bytes, a hundred to a directory; their names."""
    chance = random.Random(1)
    names = [f"d{number // 100:03}/f{number:05}" for number in range(count)]
    for name in names:
        path = source / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(chance.randint(200, 4000)))
    return names

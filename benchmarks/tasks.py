"""Many tasks on one host that is as it should be (file present): a task's cost, one after the other and pipelined."""

from __future__ import annotations

from benchmarks.harness import Bench, Row, in_turns, middle

TASK = '    - file: {path: /etc/hosts, state: file, mode: "0644"}\n'
HEAD = "- hosts: b1\n  gather_facts: false\n  tasks:\n"
DSL = '''from fleet import Host, play

@play(hosts="b1")
def many(t: Host) -> None:
    for _ in range(%d):
        t.file(path="/etc/hosts", state="file", mode="0644")
'''


def measure(bench: Bench) -> list[Row]:
    inventory = str(bench.up(1))
    counts = (1, 20) if bench.smoke else (1, 100, 300, 1000)
    points: dict[str, list[tuple[float, float]]] = {"YAML": [], "DSL": []}
    for count in counts:
        books = {"YAML": bench.write(f"tasks{count}.yml", HEAD + TASK * count), "DSL": bench.write(f"tasks{count}.py", DSL % count)}
        samples = in_turns({name: (lambda book=book: bench.fleet("apply", "-i", inventory, book)) for name, book in books.items()}, bench.runs)
        for name, found in samples.items():
            points[name].append((count, middle(found)))

    def each(name: str) -> float:
        (few, begun), (many, ended) = points[name][0], points[name][-1]
        return (ended - begun) * 1000 / (many - few)

    return [Row(f"{counts[-1]} tasks on one host, one after the other", each("YAML"), 1.0, "ms a task", samples=samples, points=points),
            Row(f"{counts[-1]} tasks on one host, pipelined (DSL)", each("DSL"), 0.3, "ms a task")]

"""Thousands of hosts that are not there: what the engine costs, with requests and answers made into bytes and read again.

Each measurement is a process of its own: `python -m benchmarks.simulated HOSTS PLAYBOOK` prints its CPU seconds and memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import HERE, Bench, Row, Sample, command

TASKS = 50
YAML = "- hosts: all\n  gather_facts: false\n  vars: {base: /srv, enabled: true}\n  tasks:\n" + "".join(
    [f'    - file: {{path: "{{{{ base }}}}/{{{{ inventory_hostname }}}}/{n}", state: directory, mode: "0755"}}\n' for n in range(20)]
    + [f'    - copy: {{content: "hello {{{{ inventory_hostname }}}}\\n", dest: /srv/hello{n}}}\n' for n in range(10)]
    + ["    - command: /bin/true\n      changed_when: false\n      when: enabled\n      register: out\n"] * 10
    + [f"    - name: Plain {n}\n      file: {{path: /srv/x{n}, state: directory}}\n" for n in range(10)])
DSL = '''from fleet import Host, play

@play(hosts="all")
def work(t: Host) -> None:
    for n in range(20):
        t.file(path=f"/srv/{t.name}/{n}", state="directory", mode="0755")
    for n in range(10):
        t.copy(content=f"hello {t.name}\\n", dest=f"/srv/hello{n}")
    for n in range(10):
        t.command("/bin/true", changed_when=False)
    for n in range(10):
        t.file(path=f"/srv/x{n}", state="directory")
'''
_FILE = {"changed": False, "path": "/x", "dest": "/x", "state": "directory", "uid": 0, "gid": 0, "mode": "0755", "owner": "root", "group": "root", "size": 4096}
ANSWERS = {"file": _FILE, "copy": {**_FILE, "checksum": "0" * 40},
           "command": {"changed": True, "rc": 0, "stdout": "", "stderr": "", "cmd": ["/bin/true"], "start": "2026-01-01 00:00:00.000000",
                       "end": "2026-01-01 00:00:00.001000", "delta": "0:00:00.001000"}}


def run(hosts: int, book: str) -> dict[str, float]:
    from fleet.api import prepare, start
    from fleet.options import RunOptions
    from fleet.runner import wire
    from fleet.settings import load_settings
    from fleet.testing import Simulated

    down, up = wire.Parser(), wire.Parser()

    def answer(endpoint: Any, request: Any) -> dict[str, Any]:
        """Over the wire and back, as far as one process can."""
        down.feed(wire.frame(wire.REQUEST, 1, 1, {"m": request.module, "a": request.args}))
        (frame,) = up.feed(wire.frame(wire.ANSWER, 1, 1, ANSWERS[request.module]))
        result: dict[str, Any] = json.loads(frame[3].decode("ascii"))
        return result

    inventory = Path(book).with_name(f"simulated-{hosts}")
    inventory.write_text(f"sim[1:{hosts}]\n")
    options, settings = RunOptions(inventory=(str(inventory),)), load_settings(inventory.parent, {"journal": ""})
    prepared = prepare([book], options, settings)
    made = start(prepared, options, settings, command="apply", subscribers=[], connections=Simulated(answer))
    began = time.process_time()
    finished = made.execute(prepared.books)
    cpu = time.process_time() - began
    assert finished.status == 0, finished
    return {"cpu": cpu, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(bench: Bench) -> list[Row]:
    rows = []
    for name, text, hosts in (("YAML", YAML, bench.size(5000, 50)), ("DSL", DSL, bench.size(1000, 50))):
        book = bench.write(f"simulated.{'yml' if name == 'YAML' else 'py'}", text)
        found = []
        for _ in range(bench.size(3, 1)):
            output = bench.folder / "simulated.json"
            command([sys.executable, "-m", "benchmarks.simulated", str(hosts), book, str(output)], cwd=HERE.parent)
            found.append(json.loads(output.read_text()))
        best = min(found, key=lambda each: each["cpu"])
        print(f"    {name}: {[round(each['cpu'], 2) for each in found]} s of CPU, {best['memory']:.0f} MB")
        rows.append(Row(f"{hosts} simulated hosts x {TASKS} tasks, {name}", hosts * TASKS / best["cpu"], 10_000, "host-tasks a second of one core", low=False,
                        note=f"{best['memory']:.0f} MB in all, {best['memory'] * 1024 / hosts:.0f} KB a host",
                        samples={name: [Sample(each["cpu"], each["cpu"], each["memory"]) for each in found]}))
    return rows


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(run(int(sys.argv[1]), sys.argv[2])))

"""Hosts far away: a proxy on this machine holds everything back, and counts the round trips."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.harness import Bench, Row, Sample, in_turns, middle
from fleet.testing.delay import Delayed

RTT = 0.05
TASK = "    - file: {path: /etc/hosts, state: file}\n"
DSL = '''from fleet import Host, play

@play(hosts="all")
def many(t: Host) -> None:
    for number in range(50):
        t.file(path=f"/tmp/far{number}", state="directory", mode="0755")
'''


def measure(bench: Bench) -> list[Row]:
    hosts, tasks = bench.size(10, 2), 20
    bench.up(hosts)
    linear = bench.write("far.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + TASK * tasks)
    python = bench.write("far.py", DSL)
    trips: dict[str, int] = {}

    def far(book: str) -> Sample:
        with ExitStack() as stack:
            proxies = [stack.enter_context(Delayed((bench.hosts[f"b{n}"]["ansible_host"], 22), RTT)) for n in range(1, hosts + 1)]
            sample = bench.fleet("apply", "-i", _inventory(bench, proxies), book)
            trips[book] = max(proxy.trips for proxy in proxies)
        return sample

    samples = in_turns({"YAML": lambda: far(linear), "DSL": lambda: far(python)}, bench.runs)
    return [
        Row(f"{tasks} tasks one after the other, {RTT * 1000:.0f} ms away, {hosts} hosts", trips[linear], tasks + 5, "round trips", samples=samples,
            note=f"{middle(samples['YAML']):.2f} s in all"),
        Row(f"50 tasks in the DSL, none touched, {RTT * 1000:.0f} ms away, {hosts} hosts", trips[python], 8, "round trips",
            note=f"{middle(samples['DSL']):.2f} s in all; TCP's handshake is counted"),
    ]


def _inventory(bench: Bench, proxies: list[Delayed]) -> str:
    known, lines = [], []
    keys = {line.split()[0]: " ".join(line.split()[1:]) for line in (bench.lab / "known_hosts").read_text().splitlines()}
    for number, proxy in enumerate(proxies, 1):
        known.append(f"[127.0.0.1]:{proxy.port} {keys[bench.hosts[f'b{number}']['ansible_host']]}\n")
        lines.append(f"b{number} ansible_host=127.0.0.1 ansible_port={proxy.port} ansible_user=root\n")
    shared = bench.hosts["b1"]
    return bench.write("far-hosts", "".join(lines) + "[all:vars]\nansible_python_interpreter=/usr/bin/python3\n"
                       f"ansible_ssh_private_key_file={shared['ansible_ssh_private_key_file']}\n"
                       f"ansible_ssh_known_hosts_file={bench.write('far-known', ''.join(known))}\n")

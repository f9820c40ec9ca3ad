"""Hosts far away: a proxy on this machine holds everything back, and counts the round trips."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.harness import Bench, Row, Sample, in_turns, middle
from fleet.testing.delay import Delayed

RTT = 0.05
COUNTED = 0.4  # seconds of a round trip while they are counted: well above what ten connections at once take of a processor, so that none is counted twice
TASK = "    - file: {path: /etc/hosts, state: file}\n"
DSL = '''from fleet import Host, play

@play(hosts="all")
def many(t: Host) -> None:
    for number in range(50):
        t.file(path=f"/tmp/far{number}", state="directory", mode="0755")
'''


def measure(bench: Bench) -> list[Row]:
    hosts, tasks = bench.size(10, 2), bench.size(20, 3)
    bench.up(hosts)
    books = {"YAML": bench.write("far.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n" + TASK * tasks), "DSL": bench.write("far.py", DSL)}
    samples = in_turns({name: (lambda book=book: far(bench, hosts, book, RTT)[0]) for name, book in books.items()}, bench.runs)
    trips = {name: far(bench, hosts, book, COUNTED)[1] for name, book in books.items()}
    place = f"{RTT * 1000:.0f} ms away, {hosts} hosts"
    return [
        Row(f"{tasks} tasks one after the other, {place}", trips["YAML"], tasks + 5, "round trips", samples=samples,
            note=f"{middle(samples['YAML']):.2f} s in all; TCP's handshake is counted"),
        Row(f"50 tasks in the DSL, none touched, {place}", trips["DSL"], 8, "round trips", note=f"{middle(samples['DSL']):.2f} s in all"),
    ]


def far(bench: Bench, hosts: int, book: str, rtt: float) -> tuple[Sample, int]:
    """One run through the proxies, and the round trips of the host with most of them."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(Delayed((bench.hosts[f"b{n}"]["ansible_host"], 22), rtt)) for n in range(1, hosts + 1)]
        sample = bench.fleet("apply", "-i", _inventory(bench, proxies), book)
        return sample, max(proxy.trips for proxy in proxies)


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

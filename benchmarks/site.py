"""The work of bench/site.yml (work/: the same as YAML, in the DSL, for pyinfra, and as the hand-written floor), at several numbers of hosts."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness import WORK, Bench, Failed, Row, Sample, command, in_turns, middle, peers, ratio


def contenders(bench: Bench, count: int) -> dict:
    inventory = str(bench.up(count))
    script = (WORK / "floor.py").read_bytes()
    return {
        "floor": lambda: bench.parallel_ssh(count, "python3 -", script),
        "fleet": lambda: bench.fleet("apply", "-i", inventory, "site.yml"),
        "dsl": lambda: bench.fleet("apply", "-i", inventory, "site.py"),
    }


def pyinfra(bench: Bench, inventory: Path) -> Sample:
    lines = [(name, {"ssh_hostname": h["ansible_host"], "ssh_user": h.get("ansible_user", "root"), "ssh_key": h["ansible_ssh_private_key_file"],
                     "ssh_strict_host_key_checking": "off"}) for name, h in bench.hosts.items() if f"{name} " in inventory.read_text()]
    written = bench.write("pyinfra_inventory.py", f"lab = {lines!r}\n")
    return command([str(peers() / "bin/pyinfra"), "-y", written, "deploy.py"])


def ansible(inventory: Path, mitogen: bool) -> Sample:
    env = {"ANSIBLE_CONFIG": str(WORK / "ansible.cfg")}
    if mitogen:
        plugins = next((peers() / "lib").glob("python*/site-packages/ansible_mitogen/plugins/strategy"))
        env |= {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}
    return command([str(peers() / "bin/ansible-playbook"), "-i", str(inventory), "site.yml"], env=env)


def measure(bench: Bench) -> list[Row]:
    return few(bench) if bench.smoke else [*few(bench), *many(bench)]


def few(bench: Bench) -> list[Row]:
    count = bench.size(10, 2)
    inventory = bench.up(count)
    samples = in_turns(contenders(bench, count), bench.runs)
    rows = [Row(f"site.yml, {count} hosts", ratio(samples, "fleet", "floor"), 1.2, per="the floor", samples=samples),
            Row(f"the same in the DSL, {count} hosts", ratio(samples, "dsl", "fleet"), 1.0, per="fleet's YAML")]
    if bench.smoke:
        return rows
    for name, limit, runs, work in (("pyinfra", 6, 3, lambda: pyinfra(bench, inventory)), ("mitogen", 16, 2, lambda: ansible(inventory, True)),
                                    ("ansible-core", 80, 1, lambda: ansible(inventory, False))):
        try:
            theirs = in_turns({name: work, "fleet": lambda: bench.fleet("apply", "-i", str(inventory), "site.yml")}, runs)
        except Failed as failed:
            print(f"    {name} could not do it: {failed}")
            continue
        rows.append(Row(f"site.yml, {count} hosts, against {name}", ratio(theirs, name, "fleet"), limit, "x faster", low=False, per=name, samples=theirs))
    return rows


def many(bench: Bench) -> list[Row]:
    """The floor and fleet as the hosts grow: time, and what a host costs in memory."""
    counts = (1, 10, 50, 100, 200)
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

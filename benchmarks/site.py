"""The work of bench/site.yml (work/: the same as YAML, in the DSL, for pyinfra, and as the hand-written floor), beside its peers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness import WORK, Bench, Failed, Row, Sample, command, in_turns, peers, ratio


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
    count = bench.size(10, 2)
    inventory = bench.up(count)
    samples = in_turns(contenders(bench, count), bench.runs)
    rows = [Row(f"site.yml, {count} hosts", ratio(samples, "fleet", "floor"), 1.2, per="the floor", samples=samples),
            Row(f"the same in the DSL, {count} hosts", ratio(samples, "dsl", "fleet"), 1.0, per="fleet's YAML")]
    if bench.smoke:
        return rows
    bench.fleet("run", "-i", str(inventory), "all", "-m", "apt", "-a", "name=python3-apt update_cache=true")  # Ansible's apt needs it on the hosts
    for name, limit, runs, work in (("pyinfra", 6, 3, lambda: pyinfra(bench, inventory)), ("mitogen", 16, 2, lambda: ansible(inventory, True)),
                                    ("ansible-core", 80, 1, lambda: ansible(inventory, False))):
        try:
            theirs = in_turns({name: work, "fleet": lambda: bench.fleet("apply", "-i", str(inventory), "site.yml")}, runs)
        except Failed as failed:
            print(f"    {name} could not do it: {failed}")
            continue
        rows.append(Row(f"site.yml, {count} hosts, against {name}", ratio(theirs, name, "fleet"), limit, "x faster", low=False, per=name, samples=theirs))
    return rows

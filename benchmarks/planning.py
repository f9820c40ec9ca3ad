"""A large inventory and a long playbook, read and listed."""

from __future__ import annotations

from benchmarks.harness import Bench, Row, in_turns, middle


def measure(bench: Bench) -> list[Row]:
    hosts, tasks = bench.size(10_000, 500), bench.size(5_000, 200)
    ini = "".join(f"[rack{rack}]\n" + "".join(f"node{number} ansible_host=10.{number >> 16}.{number >> 8 & 255}.{number & 255} slot={number % 40}\n"
                                              for number in range(rack * 40, rack * 40 + 40)) for rack in range(hosts // 40))
    inventory = bench.write("large.ini", ini + "".join(f"[rack{rack}:vars]\nrow={rack % 20}\n" for rack in range(hosts // 40)))
    kinds = ('    - name: Directory {0}\n      file: {{path: "/srv/{{{{ name }}}}/{0}", state: directory, mode: "0755"}}\n      tags: [dirs]\n',
             "    - name: Line {0}\n      lineinfile: {{path: /etc/app.conf, line: \"x{0} = {{{{ slot }}}}\"}}\n      when: slot | int > 3\n",
             "    - name: Command {0}\n      command: /usr/bin/true {0}\n      changed_when: false\n      register: out{0}\n",
             "    - name: File {0}\n      copy: {{content: \"hello {0}\\n\", dest: /srv/f{0}}}\n      notify: Restart\n")
    book = bench.write("long.yml", "- hosts: all\n  vars: {name: app}\n  handlers:\n    - name: Restart\n      command: /usr/bin/true\n  tasks:\n"
                       + "".join(kinds[number % 4].format(number) for number in range(tasks)))
    samples = in_turns({"list": lambda: bench.fleet("apply", "-i", inventory, book, "--list-tasks")}, bench.runs)
    return [Row(f"{hosts} hosts, {tasks} tasks: --list-tasks", middle(samples["list"]), 3.0, "s", samples=samples)]

"""A thousand hosts: simulated ones, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

HOSTS, SITES = 1000, 30
PER_HOST = 300  # KB; about 120 measured
WORK = """
    import fleet
    from fleet.testing import Simulated, plausible

    @fleet.play(hosts="web", become=True, serial="100%")
    def web(t: fleet.Host) -> None:
        conf = t.template("nginx.conf.j2", dest="/etc/nginx/nginx.conf", mode="0644", validate="nginx -t -c %s")
        for site in t.vars.sites:
            t.file(f"/srv/{{site.name}}", state="directory", owner="www-data")
        if conf.changed:
            t.service("nginx", state="reloaded")

    def answer(endpoint, request):
        return {{**plausible(endpoint, request), "changed": request.module == "copy"}}

    def peak():  # in KiB; getrusage counts what the parent had before exec, too
        return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

    def go(hosts):
        sites = [{{"name": f"s{{number}}"}} for number in range({sites})]
        inventory = {{"web": {{"hosts": {{f"h{{number}}": {{}} for number in range(hosts)}}, "vars": {{"sites": sites}}}}}}
        return fleet.run(web, inventory, connections=Simulated(answer), keep=False).raise_for_status()

    go(10)
    before = peak()
    done = go({hosts})
    print(peak() - before, len(done.hosts), {{host.stats.ok for host in done.hosts.values()}})
"""


def test_a_thousand_hosts(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf.j2").write_text("worker {{ inventory_hostname }};\n")
    (tmp_path / "many.py").write_text(textwrap.dedent(WORK.format(hosts=HOSTS, sites=SITES)))
    done = subprocess.run([sys.executable, str(tmp_path / "many.py")], capture_output=True, text=True, cwd=tmp_path, timeout=250)
    assert not done.stderr
    memory, hosts, tasks = done.stdout.split(maxsplit=2)
    assert (int(hosts), tasks.strip()) == (HOSTS, str({SITES + 2}))
    assert int(memory) < HOSTS * PER_HOST

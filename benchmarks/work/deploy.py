"""The same work for pyinfra."""

from io import StringIO

from pyinfra import host
from pyinfra.facts.hardware import Cpus
from pyinfra.facts.server import LinuxDistribution
from pyinfra.operations import apt, files, server

for name in "abcdefgh":
    files.directory(path=f"/opt/app/{name}", mode="755")
conf = f"name={host.name} cpus={host.get_fact(Cpus)} os={host.get_fact(LinuxDistribution)['name']}\n"
files.put(src=StringIO(conf), dest="/opt/app/a/app.conf", mode="644")
files.put(src=StringIO(f"hello {host.name}\n"), dest="/opt/app/b/hello.txt")
files.line(path="/etc/hosts", line=f"127.0.1.1 {host.name}")
server.user(user="app", shell="/bin/bash", system=True)
server.group(group="appgrp")
server.shell(commands=["uname -a > /opt/app/c/uname"])
files.link(path="/opt/app/d/app.conf", target="/opt/app/a/app.conf")
for number in (1, 2, 3):
    files.block(path="/opt/app/a/app.conf", content=f"x = {number}", marker="# {mark} %d" % number)
for number in range(1, 21):
    files.put(src=StringIO(f"file {number}\n"), dest=f"/opt/app/e/f{number}")
apt.packages(packages=["sudo"])

"""The same effects as one hand-written script for one host; piped over one ssh connection it is the floor."""

import grp
import os
import platform
import pwd
import subprocess

HOST = platform.node()
changed = 0


def put(path, text, mode=0o644):
    global changed
    try:
        with open(path) as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(path + ".tmp", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(path + ".tmp", mode)
    os.rename(path + ".tmp", path)
    changed += 1


def missing(lookup, name):
    try:
        lookup(name)
    except KeyError:
        return True
    return False


for name in "abcdefgh":
    if not os.path.isdir("/opt/app/" + name):
        os.makedirs("/opt/app/" + name)
        changed += 1
put("/opt/app/a/app.conf", "name=%s cpus=%s os=Debian\n" % (HOST, os.cpu_count()))
put("/opt/app/b/hello.txt", "hello %s\n" % HOST)
with open("/etc/hosts") as file:
    hosts = file.read()
if "127.0.1.1 " + HOST not in hosts.split("\n"):
    put("/etc/hosts", hosts + "127.0.1.1 %s\n" % HOST)
if missing(pwd.getpwnam, "app"):
    subprocess.check_call(["useradd", "-r", "-s", "/bin/bash", "app"])
    changed += 1
if missing(grp.getgrnam, "appgrp"):
    subprocess.check_call(["groupadd", "appgrp"])
    changed += 1
put("/opt/app/c/uname", subprocess.check_output(["uname", "-a"]).decode().strip())
if not os.path.islink("/opt/app/d/app.conf"):
    os.symlink("/opt/app/a/app.conf", "/opt/app/d/app.conf")
    changed += 1
for number in range(1, 21):
    put("/opt/app/e/f%d" % number, "file %d\n" % number)
subprocess.check_output(["dpkg-query", "-W", "-f", "${Status}", "sudo"])
listed = subprocess.run(["crontab", "-l"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
if b"/bin/true" not in listed:
    subprocess.run(["crontab", "-"], input=listed + b"5 * * * * /bin/true\n", check=True)
    changed += 1
print(HOST, changed)

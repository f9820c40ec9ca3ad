"""What dnf (or yum) and rpm are asked and told: what is installed, what a command would do, and doing it."""
import os
import re
import time
from collections import namedtuple
from typing import Any, Dict, List, Tuple

from fleet.runner.module import Module

PROGRAMS = ("/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/yum")
ENVIRONMENT = {"LC_ALL": "C", "LANG": "C"}
LOCKED = 200  # dnf(8), exit status: the lock is held by another process
_GONE = re.compile(r"^package (.*) is not installed$|^no package provides (.*)$", re.MULTILINE)
_ADDS, _TAKES = re.compile(r"^(Installing|Upgrading|Downgrading|Reinstalling)"), re.compile(r"^Removing")

Row = namedtuple("Row", ["what", "name", "arch", "version"])
"""One package of a transaction. what: the table's heading, as Installing, Upgrading, Removing."""


def program():
    # type: () -> str
    """The package manager's path; empty when there is none."""
    return next((path for path in PROGRAMS if os.path.exists(path)), "")


def options(args):
    # type: (Dict[str, Any]) -> List[str]
    """The options of a module as dnf's."""
    words = []  # type: List[str]
    for name, option in (("conf_file", "--config"), ("installroot", "--installroot"), ("releasever", "--releasever")):
        if args.get(name) and args[name] != "/":
            words.append("%s=%s" % (option, args[name]))
    for name, option in (("disablerepo", "--disablerepo"), ("enablerepo", "--enablerepo"), ("exclude", "--exclude"),
                         ("disable_plugin", "--disableplugin"), ("enable_plugin", "--enableplugin")):
        words += ["%s=%s" % (option, each) for each in args.get(name) or ()]
    for name, option in (("disable_gpg_check", "--nogpgcheck"), ("skip_broken", "--skip-broken"), ("nobest", "--nobest"), ("cacheonly", "--cacheonly"),
                         ("allowerasing", "--allowerasing"), ("update_cache", "--refresh")):
        if args.get(name):
            words.append(option)
    if args.get("best"):
        words.append("--best")
    if args.get("disable_excludes"):
        words.append("--disableexcludes=%s" % args["disable_excludes"])
    for name, setting in (("install_weak_deps", "install_weak_deps"), ("sslverify", "sslverify")):
        if args.get(name) is False:
            words.append("--setopt=%s=0" % setting)
    return words


def rpm(m, *words):
    # type: (Module, *str) -> Any
    root = ["--root", m.args.installroot] if m.args.get("installroot") and m.args.installroot != "/" else []
    return m.run(["rpm"] + root + list(words), env=ENVIRONMENT)


def missing(m, words):
    # type: (Module, List[str]) -> List[str]
    """Those of these names, name-version specs and provides that no installed package is."""
    if not words:
        return []
    done = rpm(m, "-q", "--qf", "%{NAME}\\n", "--", *words)
    gone = {first or second for first, second in _GONE.findall(done.stdout + done.stderr)}
    return [word for word in words if word in gone and rpm(m, "-q", "--whatprovides", "--", word).rc != 0]


def of_file(m, path):
    # type: (Module, str) -> str
    """The name, version and architecture of a package's file or URL, as rpm names an installed one."""
    done = m.run(["rpm", "-qp", "--nosignature", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}", "--", path], env=ENVIRONMENT)
    if done.rc != 0:
        m.fail("%s is no package that can be read: %s" % (path, (done.stderr or done.stdout).strip().splitlines()[-1:]))
    return str(done.stdout)


def simulate(m, words):
    # type: (Module, List[str]) -> List[Row]
    """What a command would do; empty when nothing. Fails when dnf could not do it."""
    done = command(m, ["--assumeno"] + words)
    rows = table(done.stdout)
    if not rows and done.rc != 0 and "Transaction Summary" not in done.stdout:  # a table of groups only: all their packages are there
        failed(m, done)
    return rows


def table(text):
    # type: (str) -> List[Row]
    """The rows of a transaction's table. A row too long for its line goes on in the next."""
    rows, heading, left = [], "", []  # type: List[Row], str, List[str]
    for line in text.splitlines():
        if line.startswith("Transaction Summary"):
            break
        if line.startswith(("====", "----")) or not line.strip():
            left = []
            continue
        if not line.startswith(" "):
            heading, left = line.strip().rstrip(":"), []
            continue
        if line.startswith("    ") and not left:
            continue  # "replacing ..." below a row
        left += line.split()
        if heading and len(left) >= 4:
            rows.append(Row(heading, left[0], left[1], left[2]))
            left = []
    return [row for row in rows if _ADDS.match(row.what) or _TAKES.match(row.what)]


def shown(m, rows):
    # type: (Module, List[Row]) -> Tuple[str, str]
    """A transaction as two texts for a diff: what is there of its packages before, and after."""
    before = ["%s %s" % (row.name, row.version) for row in rows if _TAKES.match(row.what)]
    changed = [row.name for row in rows if re.match("Upgrading|Downgrading|Reinstalling", row.what)]
    if changed:
        before += rpm(m, "-q", "--qf", "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n", "--", *changed).stdout.splitlines()
    after = ["%s %s" % (row.name, row.version) for row in rows if _ADDS.match(row.what)]
    return ("".join(line + "\n" for line in sorted(before)), "".join(line + "\n" for line in sorted(after)))


def carry_out(m, words, rows):
    # type: (Module, List[str], List[Row]) -> Dict[str, Any]
    done = command(m, ["--assumeyes"] + words)
    if done.rc != 0:
        failed(m, done)
    return {"rc": 0, "stdout": done.stdout, "stderr": done.stderr, "results": [
        "%s: %s-%s.%s" % ("Removed" if _TAKES.match(row.what) else "Installed", row.name, row.version, row.arch) for row in rows]}


def command(m, words):
    # type: (Module, List[str]) -> Any
    """Run it, waiting for another that holds the lock."""
    end = time.time() + max(m.args.get("lock_timeout") or 0, 0)
    while True:
        done = m.run([program(), "--setopt=exit_on_lock=1"] + words, env=ENVIRONMENT)
        if done.rc != LOCKED or time.time() > end:
            return done
        time.sleep(1)


def failed(m, done):
    # type: (Module, Any) -> None
    lines = [line for line in done.stderr.splitlines() if line.strip() and "disable plugin patterns" not in line] or done.stdout.splitlines()
    errors = [line[7:] for line in lines if line.startswith("Error: ")]
    m.fail("; ".join(errors) or " ".join(lines[-3:]) or "dnf failed", rc=done.rc, stdout=done.stdout, stderr=done.stderr)

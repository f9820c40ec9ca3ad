"""The work of dnf and package: RPM packages, by dnf or yum. What is installed is asked of rpm, so an unchanged package costs one short process."""
import fnmatch
import re
from typing import Any, Dict, Generator, List

from fleet.modules import _dnf
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt

OPTIONS = {
    "name": Opt("list", "Packages: `foo`, `foo-1.2`, `foo >= 1.2`, `@group`, a path or URL of an .rpm file, what a package provides, or a pattern; "
                "`*` with state latest is all.", aliases=["pkg"], elements="str"),
    "state": Opt("str", "present (or installed), absent (or removed), latest. When not given: absent with autoremove, else present.",
                 choices=["absent", "installed", "latest", "present", "removed"]),
    "autoremove": Opt("bool", "Remove packages that were installed as dependencies only and are no longer needed.", default=False),
    "enablerepo": Opt("list", "Repositories to use beside those that are enabled.", elements="str", default=[]),
    "disablerepo": Opt("list", "Repositories not to use.", elements="str", default=[]),
    "exclude": Opt("list", "Packages to leave alone.", elements="str", default=[]),
    "disable_excludes": Opt("str", "Ignore exclusions of the configuration: all, main, or a repository."),
    "disable_gpg_check": Opt("bool", "Take packages without checking their signatures. Dangerous.", default=False),
    "update_cache": Opt("bool", "Bring the repositories' data up to date first; this alone does not count as a change.", default=False,
                        aliases=["expire-cache"]),
    "update_only": Opt("bool", "With state latest: upgrade what is installed, install nothing.", default=False),
    "security": Opt("bool", "With state latest: only upgrades that mend a security hole.", default=False),
    "bugfix": Opt("bool", "With state latest: only upgrades that mend a bug.", default=False),
    "allow_downgrade": Opt("bool", "Let a version given be older than the installed one.", default=False),
    "allowerasing": Opt("bool", "Let installed packages be removed to solve dependencies.", default=False),
    "best": Opt("bool", "Fail rather than take another version than the newest."),
    "nobest": Opt("bool", "Take an older version where the newest cannot be.", default=False),
    "skip_broken": Opt("bool", "Leave out what cannot be installed.", default=False),
    "cacheonly": Opt("bool", "Use the repositories' data as it is here.", default=False),
    "install_weak_deps": Opt("bool", "Install recommended packages too.", default=True),
    "install_repoquery": Opt("bool", "Accepted; nothing needs to be installed.", default=True),
    "conf_file": Opt("path", "The configuration of dnf."),
    "installroot": Opt("path", "Another root directory.", default="/"),
    "releasever": Opt("str", "The release whose packages are meant."),
    "sslverify": Opt("bool", "Check the certificates of repositories.", default=True),
    "disable_plugin": Opt("list", "Plugins of dnf not to use.", elements="str", default=[]),
    "enable_plugin": Opt("list", "Plugins of dnf to use.", elements="str", default=[]),
    "lock_timeout": Opt("int", "Seconds to wait for another package manager to finish.", default=30),
    "use_backend": Opt("str", "Accepted; the command that is there is used.", default="auto", aliases=["use"],
                       choices=["auto", "dnf", "dnf4", "dnf5", "yum", "yum3", "yum4"]),
}
_PATTERN = re.compile(r"[*?\[]")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    if not _dnf.program():
        m.fail("this target has no dnf or yum; dnf manages Fedora, Red Hat Enterprise Linux and their relatives")
    state = {"installed": "present", "removed": "absent"}.get(args.state, args.state) or ("absent" if args.autoremove else "present")
    words = [word.strip() for word in args.name or () if word.strip()]
    for word in words:
        if word.startswith("-"):
            m.fail("%r is no package" % word)
    if args.update_cache and not words and not args.autoremove:
        return _refresh(m)
    if not words and not args.autoremove:
        m.fail("name is needed: the packages")
    if args.autoremove and state != "absent":
        m.fail("autoremove goes with state absent or without a state, not with %s" % state)
    result = {"rc": 0, "results": []}  # type: Dict[str, Any]
    for command in _commands(m, words, state):
        found = yield from _step(m, command)
        result["results"] += found.pop("results", [])
        result.update(found)
    if not result["results"] and not m.check:
        result["msg"] = "Nothing to do"
    return result


def _refresh(m):
    # type: (Module) -> Dict[str, Any]
    if m.check:
        return {"msg": "the cache would be brought up to date"}
    done = _dnf.command(m, ["--assumeyes"] + _dnf.options(m.args) + ["makecache"])
    if done.rc != 0:
        _dnf.failed(m, done)
    return {"msg": "Cache updated", "rc": 0}


def _commands(m, words, state):
    # type: (Module, List[str], str) -> List[List[str]]
    """The commands that may be needed, without options."""
    args = m.args
    if state == "absent":
        if not words:
            return [["autoremove"]]
        there = _there(m, words)
        return [["remove"] + ([] if args.autoremove or _dnf.program().endswith("yum") else ["--noautoremove"]) + there] if there else []
    only = [option for option, given in (("--security", args.security), ("--bugfix", args.bugfix)) if given]
    if state == "latest" and words == ["*"]:
        return [["upgrade"] + only]
    asked = [word for word in words if _unclear(word)]
    plain = [word for word in words if word not in asked]
    files = {word: _dnf.of_file(m, word) for word in plain if _file(word)}
    gone = set(_dnf.missing(m, [files.get(word, word) for word in plain]))
    lacking = [word for word in plain if files.get(word, word) in gone]
    if state == "present":
        return [["install"] + lacking + asked] if lacking or asked else []
    commands = []  # type: List[List[str]]
    if (lacking or asked) and not args.update_only:
        commands.append(["install"] + lacking + asked)
    known = [word for word in words if word not in lacking and not _file(word) and not word.startswith("@")]
    return commands + ([["upgrade"] + only + known] if known else [])


def _step(m, command):
    # type: (Module, List[str]) -> Generator[Change, Any, Dict[str, Any]]
    full = _dnf.options(m.args) + command
    rows = _dnf.simulate(m, full)
    if not rows:
        return {}
    older = ["%s to %s" % (row.name, row.version) for row in rows if row.what.startswith("Downgrading")]
    if older and not m.args.allow_downgrade:
        m.fail("an installed version is newer than what is asked for: %s; `allow_downgrade: true` allows it" % ", ".join(older))
    before, after = _dnf.shown(m, rows)
    done = yield Change("%s %s" % (command[0], ", ".join(sorted(row.name for row in rows))), before, after, lambda: _dnf.carry_out(m, full, rows))
    return done or {}


def _there(m, words):
    # type: (Module, List[str]) -> List[str]
    """Those of the words that stand for something installed."""
    patterns = [word for word in words if _PATTERN.search(word)]
    names = _dnf.rpm(m, "-qa", "--qf", "%{NAME}\\n").stdout.split() if patterns else []
    gone = set(_dnf.missing(m, [word for word in words if word not in patterns and not word.startswith("@")]))
    return [word for word in words if (fnmatch.filter(names, word) if word in patterns else word not in gone)]


def _unclear(word):
    # type: (str) -> bool
    """Whether only dnf knows what a word stands for."""
    return word.startswith("@") or bool(_PATTERN.search(word))


def _file(word):
    # type: (str) -> bool
    return "://" in word or word.endswith(".rpm")

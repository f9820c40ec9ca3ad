"""The work of apt and package: Debian packages, by apt-get.

What is installed is read from dpkg's own database, so an unchanged package costs no process.
"""
import fnmatch
import os
import re
import time
from collections import namedtuple
from typing import Any, Dict, Generator, List, Optional, Tuple

from fleet.modules import _apt, _dpkg
from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt

OPTIONS = {
    "name": Opt("list", "Packages: `foo`, `foo=1.2*`, `foo>=1.2`, `foo:arch`, `foo/release`, or a pattern such as `python3-*`.",
                aliases=["package", "pkg"], elements="str"),
    "state": Opt("str", "present, absent, latest; build-dep: what the named source packages need to be built; fixed: mend broken "
                 "dependencies.", default="present", choices=["absent", "build-dep", "fixed", "latest", "present"]),
    "update_cache": Opt("bool", "Bring the package lists up to date first.", aliases=["update-cache"]),
    "update_cache_retries": Opt("int", "How often a failed update is tried again.", default=5),
    "update_cache_retry_max_delay": Opt("int", "Seconds between these tries, at most.", default=12),
    "cache_valid_time": Opt("int", "Update the lists only when they are older than this, in seconds. Implies `update_cache`.", default=0),
    "purge": Opt("bool", "Remove configuration files too.", default=False),
    "default_release": Opt("str", "The release to prefer.", aliases=["default-release"]),
    "install_recommends": Opt("bool", "Install recommended packages; as apt is configured when not given.", aliases=["install-recommends"]),
    "force": Opt("bool", "Go on over downgrades, held and essential packages and unsigned repositories. Dangerous.", default=False),
    "clean": Opt("bool", "Empty the cache of downloaded packages.", default=False),
    "allow_unauthenticated": Opt("bool", "Take packages whose origin cannot be verified.", default=False, aliases=["allow-unauthenticated"]),
    "allow_downgrade": Opt("bool", "Let a version given be older than the installed one.", default=False, aliases=[
        "allow-downgrade", "allow_downgrades", "allow-downgrades"]),
    "allow_change_held_packages": Opt("bool", "Change packages that are on hold.", default=False),
    "upgrade": Opt("str", "Upgrade everything: yes/safe never removes a package, full/dist may.", default="no",
                   choices=["dist", "full", "no", "safe", "yes"]),
    "dpkg_options": Opt("str", "Options of dpkg, by commas.", default="force-confdef,force-confold"),
    "deb": Opt("path", "A .deb file on the target, or its http(s) URL."),
    "autoremove": Opt("bool", "Remove packages that were installed as dependencies only and are no longer needed.", default=False),
    "autoclean": Opt("bool", "Remove downloaded packages that can no longer be downloaded.", default=False),
    "policy_rc_d": Opt("int", "The answer for every service a package would start meanwhile; 101 = do not."),
    "only_upgrade": Opt("bool", "Upgrade installed packages, install none.", default=False),
    "fail_on_autoremove": Opt("bool", "Fail rather than remove any package.", default=False),
    "force_apt_get": Opt("bool", "Accepted; apt-get is what is used.", default=False),
    "lock_timeout": Opt("int", "Seconds to wait for another package manager to finish.", default=60),
    "auto_install_module_deps": Opt("bool", "Accepted; nothing needs to be installed.", default=True),
}

MYPY = False
if MYPY:
    Steps = Generator[Change, Any, Dict[str, Any]]
Wanted = namedtuple("Wanted", ["name", "operator", "version", "text"])
_WANTED = re.compile(r"^([a-z0-9A-Z*?\[\]!.+:_-]+?)(?:(=|>=)([^\s=>]\S*)|/(\S+))?$")


def run(m):
    # type: (Module) -> Steps
    args = m.args
    if not os.path.exists(_dpkg.STATUS):
        m.fail("this target has no dpkg; apt manages Debian and its relatives")
    words = [word for word in args.name or () if word]
    if words == ["*"] and args.state == "latest":
        words, args["upgrade"] = [], "yes" if args.upgrade == "no" else args.upgrade
    only_lists = not words and args.upgrade == "no" and args.deb is None and args.state not in ("fixed",)
    result = {}  # type: Dict[str, Any]
    updated = yield from _update(m)
    changed = only_lists and updated is True
    for part in _parts(m, words):
        found = yield from part
        changed = changed or bool(found)
        result.update(found or {})
    result.pop("done", None)
    return dict(result, changed=changed, cache_updated=bool(updated), cache_update_time=int(_apt.lists_age()))


def _parts(m, words):
    # type: (Module, List[str]) -> List[Any]
    """What is to be done, in order. Each yields its changes and returns {} or {"done": True, stdout ...}."""
    args = m.args
    parts = []  # type: List[Any]
    if args.clean:
        parts.append(_clean(m))
    if args.deb is not None:
        parts.append(_deb(m))
    elif args.upgrade != "no":
        parts.append(_simulated(m, ["dist-upgrade"] if args.upgrade in ("dist", "full") else ["upgrade", "--with-new-pkgs"],
                                "upgrade of all packages"))
    elif args.state == "fixed":
        parts.append(_simulated(m, ["--fix-broken", "install"], "broken dependencies"))
    elif words and args.state == "build-dep":
        parts.append(_simulated(m, ["build-dep"] + words, "build dependencies of " + ", ".join(words)))
    elif words and args.state == "absent":
        parts.append(_remove(m, words))
    elif words:
        parts.append(_install(m, words))
    if args.autoremove and not (words and args.state == "absent"):
        parts.append(_simulated(m, ["autoremove"] + (["--purge"] if args.purge else []), "packages no longer needed"))
    if args.autoclean:
        parts.append(_autoclean(m))
    return parts


def _update(m):
    # type: (Module) -> Generator[Change, Any, Any]
    """Bring the lists up to date where asked; True = they are new (or, under check, may be), None = nothing was to be done."""
    args = m.args
    if not (args.update_cache or args.cache_valid_time) or args.update_cache is False:
        return None
    if args.cache_valid_time and _apt.lists_age() + args.cache_valid_time > time.time():
        return None

    new = yield Change("package lists", apply=lambda: _apt.refresh(m, args.lock_timeout))
    return True if m.check else new


def _run(m, what, words, show=None):
    # type: (Module, str, List[str], Optional[Tuple[List[str], List[str]]]) -> Steps
    """The change that one apt-get command is."""
    words = _apt.options(m.args) + words
    if show is None and (m.check or m.diff):
        try:
            show = _apt.simulate(m, words)
        except ModuleError:  # under check the lists are as old as they are, so what is new in them cannot be known
            if not (m.check and (m.args.update_cache or m.args.cache_valid_time)):
                raise
    before, after = (_apt.text(show[0]), _apt.text(show[1])) if show else (None, None)
    done = yield Change(what, before, after, lambda: _apt.apt_get(m, words))
    return {"done": True, "stdout": done.stdout, "stderr": done.stderr} if done else {"done": True}


def _simulated(m, words, what):
    # type: (Module, List[str], str) -> Steps
    """A command of which only apt knows whether it changes anything."""
    show = _apt.simulate(m, _apt.options(m.args) + words)
    if show == ([], []):
        return {}
    return (yield from _run(m, what, words, show))


def _wanted(m, word):
    # type: (Module, str) -> Wanted
    found = _WANTED.match(word.strip())
    if not found or word.strip().startswith("-"):
        m.fail("%r is no package: use name, name=version, name>=version, name:architecture or name/release" % word)
        raise AssertionError
    name, operator, version, release = found.groups()
    if operator and m.args.state == "latest":
        m.fail("version number inconsistent with state=latest: %s" % word)
    return Wanted(name, operator or ("/" if release else ""), version or release or "", word.strip())


def _expand(m, words, known):
    # type: (Module, List[str], List[str]) -> List[Wanted]
    """The packages that the words name; a pattern stands for every known name it matches."""
    found = []  # type: List[Wanted]
    for word in words:
        wanted = _wanted(m, word)
        if not re.search(r"[*?\[]", wanted.name):
            found.append(wanted)
            continue
        base, _colon, arch = wanted.name.partition(":")
        names = sorted(fnmatch.filter(known, base))
        if not names and m.args.state != "absent":
            m.fail("No package matching '%s' is available" % word)
        suffix = (":" + arch if arch else "") + wanted.text[len(wanted.name):]
        found += [wanted._replace(name=name + (":" + arch if arch else ""), text=name + suffix) for name in names]
    return found


def _install(m, words):
    # type: (Module, List[str]) -> Steps
    database = _dpkg.database()
    patterns = any(re.search(r"[*?\[]", _wanted(m, word).name) for word in words)
    known = m.run(["apt-cache", "pkgnames"], ok=[0]).stdout.split() if patterns else []
    missing = [wanted for wanted in _expand(m, words, known) if not _satisfied(m, database, wanted)]
    if m.args.only_upgrade:
        missing = [wanted for wanted in missing if database.installed(wanted.name)]
    if not missing:
        return {}
    names = [wanted.name if wanted.operator == ">=" else wanted.text for wanted in missing]
    command = ["install", "--"] + names
    if m.args.state == "latest" and all(database.installed(wanted.name) for wanted in missing):
        return (yield from _simulated(m, command, "version of " + ", ".join(names)))
    return (yield from _run(m, "install " + ", ".join(names), command))


def _satisfied(m, database, wanted):
    # type: (Module, _dpkg.Database, Wanted) -> bool
    package = database.installed(wanted.name)
    if package is None:
        return not wanted.operator and m.args.state == "present" and _provided(m, database, wanted.name)
    if m.args.state == "latest":
        return False
    if wanted.operator == ">=":
        return _dpkg.compare(package.version, wanted.version) >= 0
    if wanted.operator != "=":
        return True
    if fnmatch.fnmatchcase(package.version, wanted.version):
        return True
    exact = not re.search(r"[*?\[]", wanted.version)
    if exact and _dpkg.compare(package.version, wanted.version) > 0 and not (m.args.allow_downgrade or m.args.force):
        m.fail("%s is installed in version %s, which is newer than %s: `allow_downgrade: true` allows it" % (
            wanted.name, package.version, wanted.version))
    return False


def _provided(m, database, name):
    # type: (Module, _dpkg.Database, str) -> bool
    """Whether a virtual package is there by an installed one that provides it. A real package of that name is itself meant."""
    if ":" in name or not database.providers(name):
        return False
    policy = m.run(["apt-cache", "policy", "--", name], env=_apt.ENVIRONMENT)
    found = re.search(r"Candidate: (\S+)", policy.stdout)
    return found is None or found.group(1) == "(none)"


def _remove(m, words):
    # type: (Module, List[str]) -> Steps
    database = _dpkg.database()
    present = []  # type: List[str]
    for wanted in _expand(m, words, database.names()):
        if not database.left(wanted.name, m.args.purge):
            continue
        package = database.installed(wanted.name)
        if wanted.operator == "=" and package and not fnmatch.fnmatchcase(package.version, wanted.version):
            continue
        present.append(wanted.name)
    if not present:
        if m.args.autoremove:
            return (yield from _simulated(m, ["autoremove"] + (["--purge"] if m.args.purge else []), "packages no longer needed"))
        return {}
    command = (["--purge"] if m.args.purge else []) + (["--auto-remove"] if m.args.autoremove else []) + ["remove", "--"] + present
    return (yield from _run(m, "remove " + ", ".join(present), command))


def _clean(m):
    # type: (Module) -> Steps
    folder = "/var/cache/apt/archives"
    files = [name for name in os.listdir(folder) if name.endswith(".deb")] if os.path.isdir(folder) else []
    if not files:
        return {}
    return (yield from _run(m, "downloaded packages", ["clean"], (sorted(files), [])))


def _autoclean(m):
    # type: (Module) -> Steps
    gone = re.findall(r"^Del (\S+) (\S+)", m.run(["apt-get", "-s", "autoclean"], env=_apt.ENVIRONMENT).stdout, re.MULTILINE)
    if not gone:
        return {}
    return (yield from _run(m, "outdated downloaded packages", ["autoclean"], (["%s %s" % pair for pair in gone], [])))


def _deb(m):
    # type: (Module) -> Steps
    import shutil
    import tempfile
    path = m.args.deb
    folder = ""
    try:
        if "://" in path:
            folder = tempfile.mkdtemp(prefix="fleet-deb-")
            os.chmod(folder, 0o755)  # apt's own user reads it
            path = _download(m, path, folder)
        path = os.path.abspath(os.path.expanduser(path))
        if not os.path.isfile(path):
            m.fail("there is no file %s" % path)
        done = m.run(["dpkg-deb", "-f", path, "Package", "Version", "Architecture"], ok=[0])
        fields = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        name, version = fields["Package"], fields["Version"]
        database = _dpkg.database()
        qualified = name if fields["Architecture"] in ("all", database.native) else "%s:%s" % (name, fields["Architecture"])
        package = database.installed(qualified)
        order = _dpkg.compare(package.version, version) if package else -1
        if order == 0:
            return {}
        if package and order > 0 and not (m.args.allow_downgrade or m.args.force):
            m.fail("%s is installed in version %s, which is newer than %s: `allow_downgrade: true` allows it" % (name, package.version, version))
        return (yield from _run(m, "install %s %s from %s" % (name, version, m.args.deb), ["install", "--", path]))
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _download(m, url, folder):
    # type: (Module, str, str) -> str
    import shutil
    from urllib.request import urlopen
    path = os.path.join(folder, os.path.basename(url.split("?")[0]) or "package.deb")
    if not url.startswith(("http://", "https://", "ftp://")):
        m.fail("deb takes a path or an http, https or ftp URL, not %s" % url)
    try:
        with urlopen(url, timeout=60) as source, open(path, "wb") as target:
            shutil.copyfileobj(source, target)
    except (OSError, ValueError) as error:
        m.fail("cannot download %s: %s" % (url, error))
    return path

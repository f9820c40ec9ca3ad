"""Checkouts of git repositories."""
import os
import re
import shlex
import shutil
from typing import Any, Dict, Generator, List, Optional

from fleet.modules._gitrepo import Repository
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "git", "Check out a git repository",
    {
        "repo": Opt("str", "Its address: a path, https, ssh, git or file URL, or HOST:PATH.", required=True, aliases=["name"]),
        "dest": Opt("path", "Where it is checked out.", required=True),
        "version": Opt("str", "A branch, a tag or a full commit number.", default="HEAD"),
        "remote": Opt("str", "The name of the remote.", default="origin"),
        "refspec": Opt("str", "A further refspec to fetch, for a version that no branch or tag holds."),
        "force": Opt("bool", "Throw away local changes.", default=False),
        "depth": Opt("int", "Fetch so many commits only."),
        "single_branch": Opt("bool", "Fetch only the branch of `version`.", default=False),
        "clone": Opt("bool", "Clone when there is no checkout.", default=True),
        "update": Opt("bool", "Fetch and switch when there is one.", default=True),
        "bare": Opt("bool", "A repository without a work tree.", default=False),
        "reference": Opt("str", "A local repository to borrow objects from."),
        "separate_git_dir": Opt("path", "Where the repository itself is kept when not in the checkout."),
        "recursive": Opt("bool", "Bring submodules along.", default=True),
        "track_submodules": Opt("bool", "Submodules follow their branches, not the recorded commits.", default=False),
        "umask": Opt("raw", "The umask for what is written, octal."),
        "executable": Opt("path", "The git to use.", default="git"),
        "key_file": Opt("path", "The private SSH key to use, on the target."),
        "ssh_opts": Opt("str", "Options of ssh."),
        "accept_hostkey": Opt("bool", "Accept any host key. Prefer accept_newhostkey.", default=False),
        "accept_newhostkey": Opt("bool", "Accept a host key not known so far; a changed one is refused.", default=False),
        "verify_commit": Opt("bool", "The commit or tag must have a good GPG signature.", default=False),
        "gpg_allowlist": Opt("list", "The fingerprints that may have signed it.", default=[], elements="str", aliases=["gpg_whitelist"]),
        "archive": Opt("path", "Also write an archive of the checkout here (.tar, .tar.gz, .tgz or .zip)."),
        "archive_prefix": Opt("str", "A prefix for every name in the archive."),
    },
    mutually_exclusive=[("separate_git_dir", "bare"), ("accept_hostkey", "accept_newhostkey")], required_by={"archive_prefix": ["archive"]},
    returns={
        "before": Ret("str", "The commit there was; none for a new clone."), "after": Ret("str", "The commit there is."),
        "remote_url_changed": Ret("bool", "Whether the remote had another address.", returned="changed"),
    },
    notes=["Addresses that git would hand to a helper program (`ext::`) are refused, as are values that would be options.",
           "git never asks: what needs a password fails."],
    examples="""
- git:
    repo: https://example.org/app.git
    dest: /srv/app
    version: v1.4
""")

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
MYPY = False
if MYPY:
    Steps = Generator[Change, Any, Dict[str, Any]]


def run(m):
    # type: (Module) -> Steps
    args = m.args
    _check(m)
    repo = Repository(m, args, _environment(m))
    old = _umask(m)
    try:
        if repo.exists():
            return (yield from _update(m, repo))
        return (yield from _clone(m, repo))
    finally:
        if old is not None:
            os.umask(old)


def _check(m):
    # type: (Module) -> None
    """Refuse what git would take for an option or a program to start."""
    args = m.args
    args["dest"] = os.path.abspath(os.path.expanduser(args.dest))
    for name in ("repo", "version", "remote", "refspec", "reference"):
        value = args[name]
        if value is not None and (value.startswith("-") or "\n" in value or not value):
            m.fail("%s cannot be %r: it would be an option of git" % (name, value))
    if re.match(r"^[A-Za-z0-9+.-]+::", args.repo):
        m.fail("the address %r is handed to a helper program by git; use https, ssh, git, file or a path" % args.repo)
    if args.repo.startswith("~"):
        args["repo"] = os.path.expanduser(args.repo)
    if re.search(r"[\s~^:?*\[\\]|\.\.", args.remote) or re.search(r"[\s~^:?*\[\\]|\.\.", args.version):
        m.fail("version %r and remote %r must be plain names" % (args.version, args.remote))
    if args.depth is not None and args.depth < 1:
        m.fail("depth must be at least 1")
    if args.archive and not args.archive.endswith((".tar", ".tar.gz", ".tgz", ".zip")):
        m.fail("the archive's name must end with .tar, .tar.gz, .tgz or .zip: %s" % args.archive)


def _umask(m):
    # type: (Module) -> Optional[int]
    if m.args.umask is None:
        return None
    try:
        return os.umask(m.args.umask if isinstance(m.args.umask, int) else int(str(m.args.umask), 8))
    except ValueError:
        m.fail("umask must be an octal integer, not %r" % m.args.umask)
        return None


def _environment(m):
    # type: (Module) -> Dict[str, str]
    args = m.args
    ssh = ["ssh", "-o", "BatchMode=yes"]
    if args.key_file:
        key = os.path.expanduser(args.key_file)
        if not os.path.exists(key):
            m.fail("there is no key file %s" % key)
        ssh += ["-i", key, "-o", "IdentitiesOnly=yes"]
    if args.accept_hostkey or args.accept_newhostkey:
        ssh += ["-o", "StrictHostKeyChecking=%s" % ("no" if args.accept_hostkey else "accept-new")]
    command = " ".join(shlex.quote(word) for word in ssh) + (" " + args.ssh_opts if args.ssh_opts else "")
    return {"GIT_SSH_COMMAND": command, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "LC_ALL": "C",
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}


def _clone(m, repo):
    # type: (Module, Repository) -> Steps
    args = m.args
    result = {"before": None, "after": None, "remote_url_changed": False}  # type: Dict[str, Any]
    if not args.clone:
        wanted = repo.remote_commit(args.repo)
        return dict(result, after=wanted) if wanted else result
    if os.path.isdir(args.dest) and os.listdir(args.dest):
        m.fail("%s is there, is not empty, and is no git repository" % args.dest)
    wanted = repo.remote_commit(args.repo)
    yield Change("clone of " + args.repo, None, wanted or args.version, lambda: repo.clone(wanted), args.dest)
    result["after"] = wanted if m.check else repo.head()
    if not m.check:
        _verify(m, repo)
    yield from _archive(m, repo)
    return result


def _update(m, repo):
    # type: (Module, Repository) -> Steps
    args = m.args
    before = repo.head()
    result = {"before": before, "after": before, "remote_url_changed": False}  # type: Dict[str, Any]
    url = repo.remote_url()
    if url != args.repo:
        yield Change("address of " + args.remote, url, args.repo, lambda: repo.set_remote_url(url))
        result["remote_url_changed"] = True
    if not args["update"]:  # the name is also a method of dict
        yield from _archive(m, repo)
        return result
    dirty = [] if args.bare else repo.local_changes()
    if dirty:
        if not args.force:
            m.fail("Local modifications exist in the destination: %s (force=no)." % args.dest, before=before, modified=dirty[:20])
        yield Change("local modifications", "\n".join(dirty), "", lambda: repo.git("reset", "--hard", "HEAD"), args.dest)
        result["msg"] = "Local modifications exist."
    wanted = repo.remote_commit(args.repo)
    if wanted is None and not _SHA.match(args.version):
        m.fail("the repository %s has no branch or tag %r" % (args.repo, args.version), before=before)
    if before != wanted or not repo.on_version():
        yield Change("checkout of " + args.dest, before, wanted or args.version, lambda: repo.switch(wanted))
    result["after"] = (wanted or args.version) if m.check else repo.head()
    if args.recursive and not args.bare and os.path.exists(os.path.join(args.dest, ".gitmodules")):
        stale = repo.stale_submodules()
        if stale:
            yield Change("submodules", None, "\n".join(stale), repo.update_submodules)
    if not m.check:
        _verify(m, repo)
    yield from _archive(m, repo)
    return result


def _verify(m, repo):
    # type: (Module, Repository) -> None
    args = m.args
    if not args.verify_commit:
        return
    kind = "verify-tag" if args.version in repo.tags() else "verify-commit"
    done = repo.try_git(kind, "--raw", args.version if kind == "verify-tag" else "HEAD")
    if done.rc != 0:
        m.fail("Failed to verify GPG signature of %s %r" % (kind[len("verify-"):], args.version), rc=done.rc, stderr=done.stderr)
    signers = re.findall(r"\[GNUPG:\] VALIDSIG (\S+)(?: .* (\S+))?", done.stderr)  # type: List[Any]
    if args.gpg_allowlist and not any(set(pair) & set(args.gpg_allowlist) for pair in signers):
        m.fail("the signature of %r is good, but of none of the keys in gpg_allowlist" % args.version)


def _archive(m, repo):
    # type: (Module, Repository) -> Generator[Change, Any, None]
    """Write the archive when there is none or its content differs."""
    args = m.args
    if not args.archive:
        return
    path = os.path.abspath(os.path.expanduser(args.archive))
    if m.check and not repo.exists():
        yield Change("archive", None, path, path=path)
        return
    temporary = path + ".fleet-tmp"
    kind = "zip" if path.endswith(".zip") else "tar" if path.endswith(".tar") else "tar.gz"

    def make(where):
        # type: (str) -> None
        prefix = ["--prefix=" + args.archive_prefix] if args.archive_prefix else []
        repo.git("archive", "--format=" + kind, "--output=" + where, *(prefix + ["HEAD" if not args.bare else args.version]))

    def apply():
        # type: () -> None
        make(temporary)
        os.rename(temporary, path)

    if os.path.exists(path):
        folder = repo.scratch()
        try:
            make(os.path.join(folder, "now"))
            with open(os.path.join(folder, "now"), "rb") as one, open(path, "rb") as two:
                if one.read() == two.read():
                    return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    yield Change("archive", None, path, apply, path)

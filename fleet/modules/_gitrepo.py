"""One git repository on the target, and the commands that the module git needs of it."""
import os
import re
import tempfile
from typing import Any, Dict, List, Optional

from fleet.runner.module import Completed, Module

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


class Repository:
    """args: the module's; env: for every git."""

    def __init__(self, m, args, env):
        # type: (Module, Any, Dict[str, str]) -> None
        self.m = m
        self.args = args
        self.env = env
        self._refs = None  # type: Optional[Dict[str, str]]

    def exists(self):
        # type: () -> bool
        dest = self.args.dest
        return os.path.isfile(os.path.join(dest, "HEAD")) if self.args.bare else os.path.exists(os.path.join(dest, ".git"))

    def try_git(self, *words):
        # type: (*str) -> Completed
        return self.m.run([self.args.executable] + list(words), env=self.env, cwd=self.args.dest if os.path.isdir(self.args.dest) else None)

    def git(self, *words):
        # type: (*str) -> str
        done = self.try_git(*words)
        if done.rc != 0:
            self.m.fail("git %s failed: %s" % (words[0], (done.stderr or done.stdout).strip()[-2000:]), rc=done.rc, stdout=done.stdout,
                        stderr=done.stderr, cmd=" ".join(words))
        return done.stdout.strip()

    def head(self):
        # type: () -> Optional[str]
        done = self.try_git("rev-parse", "--verify", "-q", "HEAD")
        return done.stdout.strip() if done.rc == 0 else None

    def local_changes(self):
        # type: () -> List[str]
        return self.git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all").splitlines()

    def tags(self):
        # type: () -> List[str]
        return self.git("tag").splitlines()

    # -- the remote

    def remote_url(self):
        # type: () -> Optional[str]
        done = self.try_git("config", "--get", "remote.%s.url" % self.args.remote)
        return done.stdout.strip() if done.rc == 0 else None

    def set_remote_url(self, now):
        # type: (Optional[str]) -> None
        self.git(*(["remote", "add"] if now is None else ["remote", "set-url"]) + [self.args.remote, "--", self.args.repo])

    def refs(self, url):
        # type: (str) -> Dict[str, str]
        """What the remote has: ref -> commit, tags peeled."""
        if self._refs is None:
            found = {}
            for line in self.git("ls-remote", "--", url).splitlines():
                commit, _tab, ref = line.partition("\t")
                found[ref] = commit
            self._refs = {ref: found.get(ref + "^{}", commit) for ref, commit in found.items() if not ref.endswith("^{}")}
        return self._refs

    def remote_ref(self, url):
        # type: (str) -> Optional[str]
        """The remote's ref that `version` names: HEAD, a branch, a tag or a full ref."""
        version = self.args.version
        names = [version] if version == "HEAD" or version.startswith("refs/") else ["refs/heads/" + version, "refs/tags/" + version]
        return next((name for name in names if name in self.refs(url)), None)

    def remote_commit(self, url):
        # type: (str) -> Optional[str]
        """The commit that `version` stands for; None when the remote does not say."""
        version = self.args.version
        if _SHA.match(version):
            return str(version)
        ref = self.remote_ref(url)
        return None if ref is None else self.refs(url)[ref]

    def _branch(self):
        # type: () -> Optional[str]
        """The branch that `version` is; None for a tag or a commit."""
        if self.args.version == "HEAD":
            return self._default_branch()
        ref = self.remote_ref(self.args.repo) if not _SHA.match(self.args.version) else None
        return ref[len("refs/heads/"):] if ref is not None and ref.startswith("refs/heads/") else None

    def _default_branch(self):
        # type: () -> Optional[str]
        done = self.git("ls-remote", "--symref", "--", self.args.repo, "HEAD")
        found = re.search(r"^ref: refs/heads/(\S+)\s+HEAD", done, re.MULTILINE)
        return found.group(1) if found else None

    # -- changes

    def clone(self, wanted):
        # type: (Optional[str]) -> None
        args = self.args
        os.makedirs(os.path.dirname(args.dest), exist_ok=True)
        words = ["clone", "--origin", args.remote]
        ref = None if _SHA.match(args.version) else self.remote_ref(args.repo)
        if ref is None and not _SHA.match(args.version) and args.refspec is None:
            self.m.fail("the repository %s has no branch or tag %r" % (args.repo, args.version))
        named = ref is not None and ref.startswith(("refs/heads/", "refs/tags/"))
        if named and ref is not None:
            words += ["--branch", ref.split("/", 2)[2]]
        words += ["--bare"] if args.bare else ["--no-checkout"] if not named and args.version != "HEAD" else []
        if args.depth and (named or args.version == "HEAD"):
            words += ["--depth", str(args.depth)]
        words += ["--single-branch"] if args.single_branch else []
        words += ["--reference", args.reference] if args.reference else []
        words += ["--separate-git-dir=" + os.path.abspath(os.path.expanduser(args.separate_git_dir))] if args.separate_git_dir else []
        self.git(*words + ["--", args.repo, args.dest])
        if args.refspec:
            self.git("fetch", *self._depth() + ["--", args.remote, args.refspec])
        if not named and args.version != "HEAD" and not args.bare:
            self._checkout_commit(wanted)
        if args.recursive and not args.bare and os.path.exists(os.path.join(args.dest, ".gitmodules")):
            self.update_submodules()

    def _depth(self):
        # type: () -> List[str]
        return ["--depth", str(self.args.depth)] if self.args.depth else []

    def _checkout_commit(self, wanted):
        # type: (Optional[str]) -> None
        name = wanted or self.args.version
        if self.try_git("cat-file", "-e", name + "^{commit}").rc != 0:
            self.git("fetch", *self._depth() + ["--", self.args.remote, name])
        self.git("checkout", "--force", "--detach", name)

    def on_version(self):
        # type: () -> bool
        """Whether the checkout is on the branch asked for; a tag or commit has none."""
        if self.args.bare:
            return True
        branch = self._branch()
        done = self.try_git("symbolic-ref", "--short", "-q", "HEAD")
        now = done.stdout.strip() if done.rc == 0 else None
        return now == branch if branch is not None and self.args.version != "HEAD" else True

    def switch(self, wanted):
        # type: (Optional[str]) -> None
        """Fetch what is wanted and check it out."""
        args = self.args
        branch = self._branch()
        specs = [args.refspec] if args.refspec else []
        if args.bare:
            self.git("fetch", "--force", *self._depth() + ["--", args.remote, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"] + specs)
            return
        if branch is not None:
            self.git("fetch", "--force", "--tags", *self._depth() + ["--", args.remote, "+refs/heads/%s:refs/remotes/%s/%s" % (
                branch, args.remote, branch)] + specs)
            self.git("checkout", "--force", "-B", branch, "%s/%s" % (args.remote, branch), "--")
            self.git("branch", "--set-upstream-to=%s/%s" % (args.remote, branch), "--", branch)
            return
        ref = None if _SHA.match(args.version) else self.remote_ref(args.repo)
        if ref is not None and ref.startswith("refs/tags/"):
            specs.append("+%s:%s" % (ref, ref))
        self.git("fetch", "--force", *self._depth() + ["--", args.remote] + specs)
        self._checkout_commit(wanted)

    def stale_submodules(self):
        # type: () -> List[str]
        """Submodules that are not at the recorded commit; when they follow branches, not at what their remote has."""
        lines = self.git("submodule", "status", "--recursive").splitlines()
        if not self.args.track_submodules:
            return [line for line in lines if line[:1] in "-+U"]
        return [line for line in lines if line[:1] in "-U" or line[1:].split()[0] != self._submodule_remote(line[1:].split()[1])]

    def _submodule_remote(self, path):
        # type: (str) -> str
        """The commit that a submodule's remote has at the branch it follows."""
        done = self.try_git("config", "-f", ".gitmodules", "--get", "submodule.%s.branch" % path)
        branch = "refs/heads/" + done.stdout.strip() if done.rc == 0 else "HEAD"
        return (self.git("-C", path, "ls-remote", "--", "origin", branch).split() or [""])[0]

    def update_submodules(self):
        # type: () -> None
        self.git("submodule", "sync", "--recursive")
        self.git("submodule", "update", "--init", "--recursive", *(["--remote"] if self.args.track_submodules else []) +
                 (["--force"] if self.args.force else []))

    def scratch(self):
        # type: () -> str
        return tempfile.mkdtemp(prefix="fleet-git-")

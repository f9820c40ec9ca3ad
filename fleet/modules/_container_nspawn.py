"""Back-end systemd-nspawn."""
import os
from typing import Any, List

from fleet.modules import _container_program as program
from fleet.runner import namespace as ns
from fleet.runner.container import Container, capabilities, lent

REQUIRES = "systemd-nspawn"
BOOTS = True


def refuse(c):
    # type: (Container) -> str
    return ""


def run(c, shown):
    # type: (Container, List[Any]) -> None
    """Become systemd-nspawn. Never returns."""
    options = c.options
    words = ["systemd-nspawn", "-q", "-D", c.root, "-M", c.name, "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe",
             "--hostname=" + c.hostname, "--resolv-conf=off", "--timezone=off",
             "--private-users=%d:%d" % tuple(c.ids) if c.ids else "--private-users=no"]
    kept = set(capabilities(c))
    words.append("--drop-capability=" + ",".join("CAP_" + name for name in ns.CAPABILITIES[:38] if name not in kept))
    added = [name for name in ns.CAPABILITIES[:38] if name in kept]
    words += ["--capability=" + ",".join("CAP_" + name for name in added)] if added else []
    words += ["--no-new-privileges=yes"] if options.get("no_new_privileges") else []
    words += ["--system-call-filter=" + " ".join(sorted(ns.DENIED))] if options.get("seccomp") == "unconfined" else []
    words += ["--read-only"] if options.get("read_only") else []
    words += ["--tmpfs=%s:mode=1777" % place for place in options.get("tmpfs") or ()]
    words += [("--bind-ro=" if only else "--bind=") + "%s:%s:norbind" % (_escaped(source), _escaped(place)) for place, source, only in shown]
    words += ["--bind=%s:%s:norbind" % (_escaped(node), _escaped(path)) for path, node in lent(c)]
    words += ["--rlimit=RLIMIT_%s=%s" % (name.upper(), ":".join("infinity" if value < 0 else str(value) for value in (soft, hard)))
              for name, soft, hard in program.ulimits(c)]
    words += ["--setenv=%s=%s" % pair for pair in sorted(program.environment(c).items()) if pair[0] != "container"]
    if options.get("user") not in (None, "root", "0"):
        words.append("--user=" + str(options["user"]).partition(":")[0])
    if options.get("workdir"):
        words.append("--chdir=" + options["workdir"])
    words += ["-b"] if options.get("boot") else ["-a", "--"] + program.words(c)
    os.execvpe(words[0], words, dict(os.environ, SYSTEMD_NSPAWN_LOCK="0", SYSTEMD_LOG_LEVEL="warning"))


def _escaped(path):
    # type: (str) -> str
    return path.replace("\\", "\\\\").replace(":", "\\:")

"""Jobs and variables of cron."""
import os
import pwd
import re
from typing import Any, Dict, Generator, List, Optional

from fleet.runner.files import write
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "cron", "Manage cron's jobs and variables",
    {
        "name": Opt("str", "What the job is known by (a comment above it), or the variable's name.", required=True),
        "state": Opt("str", "Whether it is there.", default="present", choices=["absent", "present"]),
        "job": Opt("str", "The command, or the variable's value.", aliases=["value"]),
        "user": Opt("str", "Whose crontab; with `cron_file`, who runs the job (root when not given)."),
        "cron_file": Opt("path", "A file in /etc/cron.d (or an absolute path) in place of a user's crontab."),
        "minute": Opt("str", "0-59, *, */2 ...", default="*"), "hour": Opt("str", "0-23, * ...", default="*"),
        "day": Opt("str", "Of the month: 1-31, * ...", default="*", aliases=["dom"]), "month": Opt("str", "1-12, JAN-DEC, * ...", default="*"),
        "weekday": Opt("str", "0-6 from Sunday, SUN-SAT, * ...", default="*", aliases=["dow"]),
        "special_time": Opt("str", "A word in place of the times.", choices=[
            "annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly"]),
        "disabled": Opt("bool", "Keep the job as a comment.", default=False),
        "env": Opt("bool", "It is a variable, not a job.", default=False),
        "insertafter": Opt("str", "Put the variable after this one."), "insertbefore": Opt("str", "Put the variable before this one."),
        "backup": Opt("bool", "Keep a copy of the crontab as it was.", default=False),
    },
    mutually_exclusive=[("insertafter", "insertbefore")], required_if=[("state", "present", ["job"])],
    returns={"jobs": Ret("list", "The names of all jobs there.", elements="str"), "envs": Ret("list", "The names of all variables.", elements="str"),
             "backup_file": Ret("str", "The copy.", returned="backup"), "cron_file": Ret("str", "The option.", returned="cron_file given")},
    notes=["A user's crontab is read and written with crontab(1); a file in /etc/cron.d is replaced whole.",
           "Jobs are marked with `#Ansible: NAME`, so those of earlier tools are recognised."],
    examples="""
- cron:
    name: nightly backup
    minute: "0"
    hour: "2"
    job: /usr/local/bin/backup

- cron:
    name: PATH
    env: true
    job: /opt/bin:/usr/bin:/bin
""")

MARK = "#Ansible: "
_VARIABLE = re.compile(r"^\s*(\w+)\s*=")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    _check(m)
    lines = _read(m)
    after = _variable(m, lines) if args.env else _job(args, lines)
    result = {"jobs": [line[len(MARK):] for line in after if line.startswith(MARK)],
              "envs": [found.group(1) for found in map(_VARIABLE.match, after) if found]}  # type: Dict[str, Any]
    if args.cron_file is not None:
        result["cron_file"] = args.cron_file
    if after != lines:
        text = "".join(line + "\n" for line in after)
        saved = yield Change("crontab", "".join(line + "\n" for line in lines), text, lambda: _save(m, lines, text), _path(args) or "crontab")
        if saved:
            result["backup_file"] = saved
    return result


def _check(m):
    # type: (Module) -> None
    args = m.args
    times = [args.minute, args.hour, args.day, args.month, args.weekday]
    for text in [args.name, args.job or "", args.user or ""] + times:
        if "\n" in text or "\r" in text:
            m.fail("a line end cannot stand in a crontab: %r" % text)
    if args.special_time is not None and times != ["*"] * 5:
        m.fail("You must specify time and date fields or special time.")
    if args.special_time is None and not args.env and any(not text or re.search(r"\s", text) for text in times):
        m.fail("the fields of a time hold no space: %s" % " ".join(times))
    if (args.insertafter or args.insertbefore) and not args.env:
        m.fail("Insertafter and insertbefore parameters are valid only with env=yes")
    if args.env and not re.match(r"\w+\Z", args.name):
        m.fail("Invalid name for environment variable: %r" % args.name)
    if args.user is not None and (args.user.startswith("-") or re.search(r"[\s:/]", args.user)):
        m.fail("%r cannot be the name of a user" % args.user)


def _path(args):
    # type: (Any) -> Optional[str]
    return None if args.cron_file is None else os.path.join("/etc/cron.d", os.path.expanduser(args.cron_file))


def _crontab(args):
    # type: (Any) -> List[str]
    own = pwd.getpwuid(os.geteuid()).pw_name
    return ["crontab"] + (["-u", args.user] if args.user not in (None, own) else [])


def _read(m):
    # type: (Module) -> List[str]
    path = _path(m.args)
    if path is not None:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                return stream.read().splitlines()
        except FileNotFoundError:
            return []
    done = m.run(_crontab(m.args) + ["-l"], env={"LC_ALL": "C"})
    if done.rc != 0 and m.check and "unknown" in done.stderr:
        m.warn("there is no user %s yet" % m.args.user)
        return []
    if done.rc != 0 and "no crontab for" not in done.stderr:
        m.fail("Unable to read crontab: %s" % (done.stderr.strip() or "status %d" % done.rc), rc=done.rc)
    lines = done.stdout.splitlines() if done.rc == 0 else []
    # Some crontab(1) put three lines about themselves above what was given to them.
    while lines and re.match(r"# (DO NOT EDIT THIS FILE|\(.* installed on|\(Cron version)", lines[0]):
        lines.pop(0)
    return lines


def _job(args, lines):
    # type: (Any, List[str]) -> List[str]
    """The lines with the job as it should be: a mark and the line below it."""
    mark = MARK + args.name
    new = [mark, _line(args)] if args.state == "present" else []
    result = []  # type: List[str]
    at = 0
    placed = False
    while at < len(lines):
        if lines[at] == mark:
            if not placed:
                result += new
            placed = True
            at += 2
            continue
        if new and not placed and lines[at] == new[1] and (at == 0 or not lines[at - 1].startswith(MARK)):
            result += new  # the same job, written by hand without its mark
            placed = True
        else:
            result.append(lines[at])
        at += 1
    return result if placed else result + new


def _line(args):
    # type: (Any) -> str
    when = "@" + args.special_time if args.special_time else " ".join((args.minute, args.hour, args.day, args.month, args.weekday))
    user = " " + (args.user or "root") if args.cron_file is not None else ""
    return "%s%s%s %s" % ("#" if args.disabled else "", when, user, args.job)


def _variable(m, lines):
    # type: (Module, List[str]) -> List[str]
    args = m.args
    result = [line for line in lines if not _names(line, args.name)]
    if args.state == "absent":
        return result
    value = args.job if re.match(r'^".*"$', args.job) else '"%s"' % args.job
    new = "%s=%s" % (args.name, value)
    at = next((number for number, line in enumerate(lines) if _names(line, args.name)), None)
    if at is not None:
        return lines[:at] + [new] + [line for line in lines[at + 1:] if not _names(line, args.name)]
    beside = args.insertafter or args.insertbefore
    if beside is None:
        return [new] + result
    place = next((number for number, line in enumerate(result) if _names(line, beside)), None)
    if place is None:
        m.fail("Variable named '%s' not found." % beside)
        return result
    place += 1 if args.insertafter else 0
    return result[:place] + [new] + result[place:]


def _names(line, name):
    # type: (str, str) -> bool
    found = _VARIABLE.match(line)
    return found is not None and found.group(1) == name


def _save(m, lines, text):
    # type: (Module, List[str], str) -> Optional[str]
    """Write the crontab; returns the path of the copy of the old one."""
    import tempfile
    backup = None
    if m.args.backup:
        fd, backup = tempfile.mkstemp(prefix="crontab")
        with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write("".join(line + "\n" for line in lines))
    path = _path(m.args)
    if path is None:
        m.run(_crontab(m.args) + ["-"], input=text, ok=[0])
    elif not text.strip():
        os.unlink(path)
    else:
        write(m, path, text, mode=None if os.path.exists(path) else 0o644)
    return backup

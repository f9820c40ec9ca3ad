"""Users of the target."""
import math
import os
import pwd
import re
import time
from typing import Any, Dict, Generator, List, Optional, Tuple

from fleet.modules import _accounts
from fleet.modules._userkey import make_key
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "user", "Manage user accounts",
    {
        "name": Opt("str", "The user's name.", required=True, aliases=["user"]),
        "state": Opt("str", "Whether the account exists.", default="present", choices=["absent", "present"]),
        "uid": Opt("int", "The number; chosen when not given."),
        "uid_min": Opt("int", "The least number to choose."),
        "uid_max": Opt("int", "The greatest number to choose."),
        "non_unique": Opt("bool", "Let the number be one that another user has.", default=False),
        "comment": Opt("str", "The real name or other words (GECOS)."),
        "group": Opt("str", "The first group."),
        "groups": Opt("list", "Further groups; an empty list means none.", elements="str"),
        "append": Opt("bool", "Add to `groups` only, leave others as they are.", default=False),
        "home": Opt("path", "The home directory."),
        "create_home": Opt("bool", "Create the home directory when it is missing.", default=True, aliases=["createhome"]),
        "move_home": Opt("bool", "Move the present home directory to `home`.", default=False),
        "skeleton": Opt("str", "The directory whose files a new home gets."),
        "umask": Opt("str", "The umask for a new home, octal."),
        "shell": Opt("path", "The login shell."),
        "system": Opt("bool", "Create it as a system account.", default=False),
        "password": Opt("str", "The password's hash (`{{ secret | password_hash }}`); `!` or `*` for an account without one.", no_log=True),
        "update_password": Opt("str", "Set the password always, or only on a new account.", default="always", choices=["always", "on_create"]),
        "password_lock": Opt("bool", "Lock or unlock the password."),
        "password_expire_max": Opt("int", "Days after which the password must be changed."),
        "password_expire_min": Opt("int", "Days before it may be changed."),
        "password_expire_warn": Opt("int", "Days of warning before it expires."),
        "password_expire_account_disable": Opt("int", "Days after its expiry until the account is disabled."),
        "expires": Opt("float", "When the account expires, seconds since the epoch; negative = never."),
        "force": Opt("bool", "With absent: delete even a user who is logged in, and the files of others in the home.", default=False),
        "remove": Opt("bool", "With absent: delete the home directory and mail too.", default=False),
        "local": Opt("bool", "Look at /etc/passwd and /etc/group only, not at other sources of accounts.", default=False),
        "seuser": Opt("str", "The SELinux user."),
        "generate_ssh_key": Opt("bool", "Generate an SSH key; one there is stays, unless `force`.", default=False),
        "ssh_key_type": Opt("str", "Its type.", default="rsa"),
        "ssh_key_bits": Opt("int", "Its bits, for types that have a choice."),
        "ssh_key_file": Opt("path", "Its file, relative to the home directory; .ssh/id_TYPE when not given."),
        "ssh_key_comment": Opt("str", "Its comment; `ansible-generated on HOST` when not given."),
        "ssh_key_passphrase": Opt("str", "Its passphrase.", no_log=True),
    },
    required_by={"append": ["groups"], "non_unique": ["uid"]},
    returns={
        "name": Ret("str", "The name."), "state": Ret("str", "The state asked for."),
        "uid": Ret("int", "The number.", returned="state=present"), "group": Ret("int", "The first group's number.", returned="state=present"),
        "groups": Ret("str", "The option, by commas.", returned="groups given"), "append": Ret("bool", "The option.", returned="groups given"),
        "home": Ret("str", "The home directory.", returned="state=present"), "shell": Ret("str", "The shell.", returned="state=present"),
        "comment": Ret("str", "The comment.", returned="state=present"),
        "create_home": Ret("bool", "The option.", returned="the account is new"), "system": Ret("bool", "The option.", returned="the account is new"),
        "move_home": Ret("bool", "The option.", returned="the account is not new"),
        "force": Ret("bool", "The option.", returned="state=absent"), "remove": Ret("bool", "The option.", returned="state=absent"),
        "ssh_key_file": Ret("str", "The private key's path.", returned="generate_ssh_key"),
        "ssh_fingerprint": Ret("str", "The key's fingerprint.", returned="generate_ssh_key"),
        "ssh_public_key": Ret("str", "The public key.", returned="generate_ssh_key"),
    },
    notes=["Uses useradd, usermod, userdel, chpasswd and chage of the shadow tools; a password hash goes to chpasswd by its input, so no "
           "process list ever shows it."],
    examples="""
- user:
    name: deploy
    groups: [docker, adm]
    append: true
    shell: /bin/bash
    generate_ssh_key: true
    ssh_key_type: ed25519
""")

MYPY = False
if MYPY:
    Steps = Generator[Change, Any, None]


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    _accounts.check_name(m, args.name)
    _check(m)
    entry = _accounts.user(args.name, args.local)
    result = {"name": args.name, "state": args.state}  # type: Dict[str, Any]
    if args.state == "absent":
        if entry is not None:
            command = [_accounts.tool(m, "userdel")] + (["-f"] if args.force else []) + (["-r"] if args.remove else []) + [args.name]
            yield Change("user " + args.name, _shown(entry), None, lambda: m.run(command, ok=[0, 6, 12]))
            result.update(force=args.force, remove=args.remove)
        return result
    if entry is None:
        yield from _create(m)
        result.update(create_home=args.create_home, system=args.system)
    else:
        yield from _modify(m, entry)
        result.update(append=args.append, move_home=args.move_home)
    now = _accounts.user(args.name, args.local)
    yield from _aging(m)
    if now is not None:
        yield from _home(m, now)
    result.update(_described(m, now))
    if args.generate_ssh_key:
        result.update((yield from make_key(m, now)))
    return result


def _described(m, now):
    # type: (Module, Optional[pwd.struct_passwd]) -> Dict[str, Any]
    args = m.args
    found = {"uid": args.uid, "group": args.group, "home": args.home or "/home/" + args.name, "shell": args.shell or "",
             "comment": args.comment or ""}  # type: Dict[str, Any]
    if now is not None:
        found = {"uid": now.pw_uid, "group": now.pw_gid, "home": now.pw_dir, "shell": now.pw_shell, "comment": now.pw_gecos}
    if args.groups is not None:
        found.update(groups=",".join(args.groups), append=args.append)
    if args.password is not None:
        found["password"] = "NOT_LOGGING_PASSWORD"
    return found


def _shown(entry):
    # type: (pwd.struct_passwd) -> str
    return "%s:%d:%d:%s:%s:%s" % (entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell)


_HASH = re.compile(r"^(\$(1|2[abxy]?|5|6|7|y|gy|md5|sha1)\$\S+|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}|[!*]+.*)$")


def _check(m):
    # type: (Module) -> None
    args = m.args
    for name, text in (("comment", args.comment), ("home", args.home), ("shell", args.shell)):
        if text is not None and (":" in text or "\n" in text):
            m.fail("%s cannot hold a colon or a line end: %r" % (name, text))
    if args.password is not None:
        if ":" in args.password or "\n" in args.password:
            m.fail("the password's hash cannot hold a colon or a line end")
        if args.password and not _HASH.match(args.password):
            m.warn("The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.")
    if args.state != "present":
        return
    for name in ([args.group] if args.group is not None else []) + list(args.groups or ()):
        if _accounts.group(name, args.local) is None:
            m.fail("Group %s does not exist" % name)


def _create(m):
    # type: (Module) -> Steps
    args = m.args
    command = [_accounts.tool(m, "useradd")] + _number(args) + _common(args)
    if args.group is not None:
        command += ["-g", args.group]
    elif _accounts.group(args.name, True) is not None:
        command.append("-N")  # useradd would make a group of that name, and refuse
    if args.groups:
        command += ["-G", ",".join(args.groups)]
    command += ["-r"] if args.system else []
    command += ["-m"] if args.create_home else ["-M"]
    if args.create_home and args.skeleton is not None:
        command += ["-k", args.skeleton]
    for value, key in ((args.umask, "UMASK"), (args.uid_min, "UID_MIN"), (args.uid_max, "UID_MAX")):
        command += [] if value is None else ["-K", "%s=%s" % (key, value)]
    if args.expires is not None:
        command += ["-e", _day(args.expires)]

    def apply():
        # type: () -> None
        if args.create_home and args.home:
            os.makedirs(os.path.dirname(args.home.rstrip("/")) or "/", exist_ok=True)
        m.run(command + [args.name], ok=[0])
        if args.password is not None:
            _set_password(m, args.password)
        if args.password_lock:
            m.run([_accounts.tool(m, "usermod"), "-L", args.name], ok=[0])

    after = ":".join(str(part) for part in (args.name, "?" if args.uid is None else args.uid, args.group or "?", args.comment or "",
                                            args.home or "?", args.shell or "?"))
    yield Change("user " + args.name, None, after, apply)


def _number(args):
    # type: (Any) -> List[str]
    return [] if args.uid is None else ["-u", str(args.uid)] + (["-o"] if args.non_unique else [])


def _common(args):
    # type: (Any) -> List[str]
    words = []  # type: List[str]
    for value, option in ((args.comment, "-c"), (args.home, "-d"), (args.shell, "-s"), (args.seuser, "-Z")):
        words += [] if value is None else [option, value]
    return words


def _day(seconds):
    # type: (float) -> str
    """The date as useradd takes it; empty = never."""
    return "" if seconds < 0 else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _set_password(m, hashed):
    # type: (Module, str) -> None
    m.run([_accounts.tool(m, "chpasswd"), "-e"], input="%s:%s\n" % (m.args.name, hashed), ok=[0])


def _modify(m, entry):
    # type: (Module, pwd.struct_passwd) -> Steps
    args = m.args
    changes = []  # type: List[Tuple[str, Any, Any, List[str]]]
    if args.uid is not None and args.uid != entry.pw_uid:
        changes.append(("uid", entry.pw_uid, args.uid, _number(args)))
    if args.group is not None:
        group = _accounts.group(args.group, args.local)
        if group is not None and group.gr_gid != entry.pw_gid:
            changes.append(("group", entry.pw_gid, group.gr_gid, ["-g", str(group.gr_gid)]))
    changes += _groups(m, entry)
    for what, now, wanted, option in (("comment", entry.pw_gecos, args.comment, "-c"), ("shell", entry.pw_shell, args.shell, "-s")):
        if wanted is not None and wanted != now:
            changes.append((what, now, wanted, [option, wanted]))
    if args.home is not None and args.home != entry.pw_dir:
        changes.append(("home", entry.pw_dir, args.home, ["-d", args.home] + (["-m"] if args.move_home else [])))
    if args.expires is not None:
        now = _accounts.shadow(args.name)[7]
        wanted = "" if args.expires < 0 else str(math.floor(args.expires) // 86400)
        if now != wanted and not (now in ("", "-1") and wanted == ""):
            changes.append(("expiry day", now, wanted, ["-e", _day(args.expires)]))
    for what, before, after, words in changes:
        command = [_accounts.tool(m, "usermod")] + words + [args.name]
        yield Change("%s of %s" % (what, args.name), before, after, lambda command=command: m.run(command, ok=[0]))  # type: ignore[misc]
    yield from _password(m)


def _groups(m, entry):
    # type: (Module, pwd.struct_passwd) -> List[Tuple[str, Any, Any, List[str]]]
    args = m.args
    if args.groups is None:
        return []
    wanted = {found.gr_name for found in (_accounts.group(name, args.local) for name in args.groups) if found is not None}
    first = _accounts.group(args.group or str(entry.pw_gid), args.local)
    own = {first.gr_name} if first is not None else set()
    now = _accounts.groups_of(args.name, args.local)
    after = now | wanted if args.append else wanted
    if after - own == now - own:
        return []
    return [("groups", sorted(now), sorted(after), ["-G", ",".join(sorted(after))])]


def _password(m):
    # type: (Module) -> Steps
    args = m.args
    now = _accounts.shadow(args.name)[1]
    locked = now.startswith("!")
    if args.password is not None and args.update_password == "always" and now.lstrip("!") != args.password.lstrip("!"):
        wanted = "!" + args.password.lstrip("!") if args.password_lock else args.password
        yield Change("password of " + args.name, "(a secret)", "(another secret)", lambda: _set_password(m, wanted))
        return
    if args.password_lock is not None and args.password_lock != locked:
        option = "-L" if args.password_lock else "-U"
        command = [_accounts.tool(m, "usermod"), option, args.name]
        yield Change("password lock of " + args.name, locked, args.password_lock, lambda: m.run(command, ok=[0]))


def _aging(m):
    # type: (Module) -> Steps
    """Fields 4 to 7 of shadow(5)."""
    args = m.args
    now = _accounts.shadow(args.name)
    for value, number, option, what in (
            (args.password_expire_min, 3, "-m", "least"), (args.password_expire_max, 4, "-M", "greatest"),
            (args.password_expire_warn, 5, "-W", "warning"), (args.password_expire_account_disable, 6, "-I", "inactive")):
        if value is None or now[number] == str(value) or (value < 0 and now[number] == ""):
            continue
        command = [_accounts.tool(m, "chage"), option, str(value), args.name]
        yield Change("%s password age of %s" % (what, args.name), now[number], value,
                     lambda command=command: m.run(command, ok=[0]))  # type: ignore[misc]


def _home(m, entry):
    # type: (Module, pwd.struct_passwd) -> Steps
    """The home directory that an account has lost, or never had."""
    args = m.args
    if not args.create_home or os.path.lexists(entry.pw_dir) or not entry.pw_dir.startswith("/"):
        return
    if args.home is not None and args.home != entry.pw_dir:
        return  # under check: it is moved or made with the change of home

    def apply():
        # type: () -> None
        import shutil
        source = args.skeleton or "/etc/skel"
        os.makedirs(os.path.dirname(entry.pw_dir), exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, entry.pw_dir, symlinks=True)
        else:
            os.mkdir(entry.pw_dir)
        defs = _accounts.login_defs()
        mask = int(args.umask or defs.get("UMASK", "022"), 8)
        os.chmod(entry.pw_dir, int(defs["HOME_MODE"], 8) if "HOME_MODE" in defs and args.umask is None else 0o777 & ~mask)
        for base, folders, names in os.walk(entry.pw_dir):
            for path in [base] + [os.path.join(base, name) for name in folders + names]:
                os.lchown(path, entry.pw_uid, entry.pw_gid)

    yield Change("home of " + args.name, None, entry.pw_dir, apply, entry.pw_dir)

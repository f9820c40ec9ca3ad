"""systemd units for the entries: a service and a timer each. What should be is text by path; installing makes it so, and says what it did."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fleet.errors import UsageError
from fleet.reconcile.entries import Entry
from fleet.settings import Settings, state

PREFIX = "fleet-reconcile-"
# A repair may be of this machine too, so it keeps nearly all of its rights; a report changes nothing, here neither: it writes its journal and its own /tmp.
_HARDENED = ["LockPersonality=yes", "RestrictRealtime=yes", "SystemCallArchitectures=native"]
_READ_ONLY = ["NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=read-only", "ProtectKernelTunables=yes", "ProtectControlGroups=yes",
              "ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectClock=yes", "ProtectHostname=yes", "RestrictSUIDSGID=yes",
              "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_VSOCK"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where units go. user: those of the calling user's own systemd; root: the root of another system (an image, a container), "" for this one;
    run_as: the user whom the service runs as (not with user); command: the fleet command there.
    """

    command: tuple[str, ...]
    user: bool = False
    root: str = ""
    run_as: str = "root"

    @property
    def folder(self) -> Path:
        if self.user:
            return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"
        return Path(self.root or "/") / "etc/systemd/system"

    @property
    def live(self) -> bool:
        """Whether a systemd that reads these units is at work."""
        return not self.root and Path("/run/systemd/system").is_dir()

    def systemctl(self, *words: str) -> None:
        command = ["systemctl", *(["--user"] if self.user else []), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UsageError(f"`{shlex.join(command)}` failed: {done.stderr.strip()}")


@dataclass(slots=True)
class Changes:
    """What is, or under check would be, done: paths, with "create", "update" or "remove"."""

    files: dict[Path, str] = field(default_factory=dict)
    texts: dict[Path, tuple[str, str]] = field(default_factory=dict)  # before, after


def service(entry: Entry, settings: Settings, place: Place) -> str:
    command = shlex.join([*place.command, "reconcile", "--entry", entry.name]).replace("%", "%%").replace("$", "$$")
    identity, hardened = [], []
    if not place.user:
        identity = [f"User={place.run_as}"]  # root too: HOME is then set
        hardened = [*_HARDENED, *([*_READ_ONLY, *_own_tmp(settings.project, command), f"ReadWritePaths=-{_state_folder(settings)}"]
                                  if entry.mode == "report" else [])]
    return "\n".join([
        f"# Written by `fleet reconcile install` for {settings.project}; it is overwritten. Add to it with `systemctl edit`.",
        "[Unit]", f"Description=fleet: {entry.mode} of {entry.name} ({settings.project})", "Wants=network-online.target", "After=network-online.target", "",
        "[Service]", "Type=oneshot", *identity, f"WorkingDirectory={settings.project}", f"ExecStart={command}",
        "# 3: drift was found, 5: another run of the entry is at work", "SuccessExitStatus=3 5",
        "# a stop is like Ctrl-C: tasks that run may finish, the rest is not begun", "TimeoutStopSec=120", "UMask=0077", *hardened, ""])


def _own_tmp(project: str, command: str) -> list[str]:
    """A /tmp of its own, which must not hide the project or the command."""
    needed = [project, *command.split()]
    return ["ReadWritePaths=/tmp /var/tmp"] if any(word.startswith(("/tmp/", "/var/tmp/")) for word in needed) else ["PrivateTmp=yes"]


def timer(entry: Entry, settings: Settings) -> str:
    return "\n".join([f"# Written by `fleet reconcile install` for {settings.project}; it is overwritten. Add to it with `systemctl edit`.",
                      "[Unit]", f"Description=fleet: {entry.name} {entry.schedule} ({settings.project})", "", "[Timer]", *entry.schedule.timer(), "",
                      "[Install]", "WantedBy=timers.target", ""])


def _state_folder(settings: Settings) -> str:
    """What the service must be able to write: the locks, and the journal when it is elsewhere."""
    folders = {str(Path(state("x")).parent), *([str(Path(settings.journal).parent)] if settings.journal else [])}
    return " -".join(sorted(folders))


def wanted(entries: Sequence[Entry], settings: Settings, place: Place) -> dict[Path, str]:
    """The units of all entries, by path. A link that enables a timer is told as the text of where it leads."""
    found: dict[Path, str] = {}
    for entry in entries:
        name = PREFIX + entry.name
        found[place.folder / f"{name}.service"] = service(entry, settings, place)
        found[place.folder / f"{name}.timer"] = timer(entry, settings)
        found[place.folder / "timers.target.wants" / f"{name}.timer"] = f"../{name}.timer"
    return found


def present(settings: Settings, place: Place) -> dict[Path, str]:
    """The units of this project that are there. Raises UsageError for one that cannot be read."""
    found: dict[Path, str] = {}
    try:
        for path in sorted(place.folder.glob(f"{PREFIX}*")):
            if path.suffix in (".service", ".timer") and _owner(path) == settings.project:
                found[path] = path.read_text()
                link = place.folder / "timers.target.wants" / path.name
                if link.is_symlink():
                    found[link] = os.readlink(link)
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from None
    return found


def _owner(path: Path) -> str:
    """The project for which a unit was written; empty for one that is not ours."""
    first = path.read_text(errors="replace").partition("\n")[0]
    head, _, rest = first.partition("`fleet reconcile install` for ")
    return rest.partition("; it is overwritten")[0] if head == "# Written by " else ""


def compare(should: dict[Path, str], there: dict[Path, str]) -> Changes:
    changes = Changes()
    for path, text in should.items():
        if path not in there:
            if path.exists() and not path.is_symlink():
                raise UsageError(f"{path} is there already and not of this project", hint="give the entry another name, or take that file away")
            changes.files[path], changes.texts[path] = "create", ("", text)
        elif there[path] != text:
            changes.files[path], changes.texts[path] = "update", (there[path], text)
    for path in there:
        if path not in should:
            changes.files[path], changes.texts[path] = "remove", (there[path], "")
    return changes


def carry_out(changes: Changes, place: Place, settings: Settings) -> None:
    """Write and remove the files; where a systemd is at work, tell it, and start and stop timers. Raises UsageError."""
    gone = [path for path, what in changes.files.items() if what == "remove"]
    timers = [path.name for path, what in changes.files.items() if path.suffix == ".timer" and path.parent == place.folder and what != "remove"]
    try:
        if place.live:
            for path in gone:
                if path.suffix == ".timer" and path.parent == place.folder:
                    place.systemctl("stop", path.name)
        for path in gone:
            path.unlink(missing_ok=True)
        for path, (_, text) in changes.texts.items():
            if path not in gone:
                _write(path, text)
        _make_state(place, settings)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or place.folder}: {error.strerror}", hint="run it with sudo, or use --user") from None
    if place.live and changes.files:
        place.systemctl("daemon-reload")
        for name in timers:
            place.systemctl("restart", name)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    if path.parent.name == "timers.target.wants":
        os.symlink(text, temporary)
    else:
        temporary.write_text(text)
        temporary.chmod(0o644)
    os.replace(temporary, path)


def _make_state(place: Place, settings: Settings) -> None:
    """The folders a report may write must be there: its service sees the rest read-only."""
    if place.user or place.root:
        return
    account = pwd.getpwnam(place.run_as)
    for each in _state_folder(settings).split(" -"):
        folder = Path(each)
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            os.chown(folder, account.pw_uid, account.pw_gid)

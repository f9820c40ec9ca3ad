"""Autostart: the unit that makes the host's init start a container, and the program of ours it runs, which needs nothing but the host's Python.

The program is source, not bytecode: the host may have another Python after its next upgrade.
"""
import hashlib
import io
import os
import sys
import zipfile
import zlib
from typing import Any, Generator, List, Optional

from fleet.modules import _container_init as init
from fleet.runner import files
from fleet.runner.container import Container
from fleet.runner.module import Change, Module

PROGRAM = "/var/lib/fleet/containers.pyz"
WANTS = os.path.join(init.FOLDER, "multi-user.target.wants")
_MAIN = b"import sys\nfrom fleet.modules import _container_boot\n_container_boot.main(sys.argv[1])\n"


def refuse(options):
    # type: (Any) -> str
    """Why a container cannot be started by this host's init; empty when it can."""
    if not options["autostart"]:
        return ""
    if not options["command"] and not options["boot"]:
        return "autostart: true needs a command or boot: true"
    if not init.lives():
        with open("/proc/1/comm") as stream:
            return "autostart: true needs a host whose init is systemd; here it is '%s'" % stream.read().strip()
    return ""


def changes(m, c):
    # type: (Module, Container) -> Generator[Change, Any, None]
    """Bring the unit to the declaration, whatever was done to it. A container that runs goes on running."""
    path, link = os.path.join(init.FOLDER, init.unit(c.name)), os.path.join(WANTS, init.unit(c.name))
    now = _text(path)
    if not c.options.get("autostart"):
        if now is not None or os.path.islink(link):
            yield Change("unit " + init.unit(c.name), "enabled" if os.path.islink(link) else "disabled", "absent", lambda: remove(c.name), path=path)
        return
    data, wanted = program(), text(c)
    before = _digest(PROGRAM)
    if before != hashlib.sha256(data).hexdigest():
        yield Change("start program of containers", before and before[:12], hashlib.sha256(data).hexdigest()[:12], lambda: put(m, PROGRAM, data, 0o600))
    if now != wanted:
        yield Change("unit " + init.unit(c.name), now, wanted, lambda: write(m, path, wanted), path=path)
    if not os.path.islink(link) or os.path.basename(os.readlink(link)) != init.unit(c.name):
        yield Change("%s at boot" % init.unit(c.name), "not started", "started", lambda: enable(link))


def text(c):
    # type: (Container) -> str
    """The unit. Its supervisor sees to restarts by the policy; systemd to the supervisor's own."""
    needed = [c.base] + ([c.made["image"]] if c.made.get("image") else [])
    again = (c.options.get("restart_policy") or "no") != "no"
    return "\n".join([
        "# Written by fleet for the container %s; it is overwritten. Add to it with `systemctl edit`." % c.name,
        "[Unit]", "Description=Container %s" % c.name, "Wants=network-online.target", "After=network-online.target libvirtd.service",
        "RequiresMountsFor=" + " ".join(map(_quoted, needed)), "StartLimitIntervalSec=0", "",
        "[Service]", "Type=notify", "ExecStart=%s -I -S %s %s" % (_quoted(python()), PROGRAM, c.name), "KillMode=mixed",
        "TimeoutStartSec=150", "TimeoutStopSec=%d" % (int(c.options["timeout"]) + 15), "Restart=" + ("on-failure" if again else "no"), "RestartSec=1",
        "RestartPreventExitStatus=75", "",
        "[Install]", "WantedBy=multi-user.target", ""])


def python():
    # type: () -> str
    """The Python that runs this, and not by way of somebody's virtual environment."""
    own = sys.executable
    return os.path.realpath(own) if os.path.exists(os.path.join(os.path.dirname(os.path.dirname(own)), "pyvenv.cfg")) else own


def _quoted(path):
    # type: (str) -> str
    return '"%s"' % path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")


def program():
    # type: () -> bytes
    """A zip that Python runs: the modules it is made of came with this one's request, as source."""
    carried = {name[1:]: data for name, (_, data) in sys.fleet_importer.modules.items() if name.startswith("=")}  # type: ignore[attr-defined]
    packages = {name.rpartition(".")[0] for name in carried}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # not compressed: the same bytes from every zlib
        for name in sorted(carried):
            path = name.replace(".", "/") + ("/__init__.py" if name in packages else ".py")
            archive.writestr(zipfile.ZipInfo(path), zlib.decompress(carried[name]))
        archive.writestr(zipfile.ZipInfo("__main__.py"), _MAIN)
    return stream.getvalue()


def put(m, path, data, mode):
    # type: (Module, str, bytes, int) -> None
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    files.write(m, path, data, mode=mode)


def write(m, path, text_):
    # type: (Module, str, str) -> None
    put(m, path, text_.encode(), 0o644)
    wrong = init.systemctl("daemon-reload")
    if wrong:
        m.fail("systemd does not read its units: " + wrong)


def enable(link):
    # type: (str) -> None
    os.makedirs(WANTS, mode=0o755, exist_ok=True)
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink("../" + os.path.basename(link), link)


def there(name):
    # type: (str) -> bool
    return any(os.path.lexists(os.path.join(folder, init.unit(name))) for folder in (WANTS, init.FOLDER))


def remove(name):
    # type: (str) -> None
    """Take the unit away, and the program with the last one."""
    for path in (os.path.join(WANTS, init.unit(name)), os.path.join(init.FOLDER, init.unit(name))):
        if os.path.lexists(path):
            os.unlink(path)
    if init.lives():
        init.systemctl("daemon-reload")
        init.systemctl("reset-failed", init.unit(name))  # known no more; one that never failed has nothing to reset
    if not left() and os.path.exists(PROGRAM):
        os.unlink(PROGRAM)


def left():
    # type: () -> List[str]
    """All our units that are there."""
    head, _, tail = init.unit("*").partition("*")
    return sorted(each for each in os.listdir(init.FOLDER) if each.startswith(head) and each.endswith(tail)) if os.path.isdir(init.FOLDER) else []


def _text(path):
    # type: (str) -> Optional[str]
    try:
        with open(path) as stream:
            return stream.read()
    except OSError:
        return None


def _digest(path):
    # type: (str) -> Optional[str]
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None

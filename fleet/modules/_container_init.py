"""The host's own init as what starts a container: its unit of systemd, asked, started and stopped."""
import os
import subprocess

FOLDER = "/etc/systemd/system"


def unit(name):
    # type: (str) -> str
    return "fleet-container-%s.service" % name


def lives():
    # type: () -> bool
    """Whether systemd is the host's init."""
    return os.path.isdir("/run/systemd/system")


def starts(name):
    # type: (str) -> bool
    """Whether the container is the host's init's to start and to stop."""
    return lives() and os.path.exists(os.path.join(FOLDER, unit(name)))


def stop(name):
    # type: (str) -> None
    """Stop it if the init has started it, and see it ended."""
    if starts(name):
        systemctl("stop", unit(name))


def systemctl(*words):
    # type: (*str) -> str
    """What systemctl says on its standard error when it fails; empty when all went well."""
    done = subprocess.run(["systemctl", "--no-ask-password"] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = done.stderr.decode("utf-8", "replace").strip()
    return "" if done.returncode == 0 else said or "systemctl ended with status %d" % done.returncode

"""Which modules and actions exist: one lookup from any name a playbook may use to its spec and code.

A task's name is bare (`copy`) or qualified (`ansible.builtin.copy`, `ansible.posix.authorized_key`, `fleet.guest`). `fleet/actions/NAME.py`
is the controller's side and wins; `fleet/modules/NAME.py` is the target's side. Either declares `SPEC`; an action that is only the
controller's side of a module (copy, fetch ...) shares the module's.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from types import ModuleType

from fleet.errors import ArgumentError, Pos, SourceError, nearest
from fleet.runner.spec import Spec

# Carried out by the engine itself; not modules.
CORE = frozenset({"include_tasks", "include_role", "import_tasks", "import_role", "import_playbook", "meta"})
ALIASES = {"gather_facts": "setup", "yum": "dnf", "dnf5": "dnf"}
# Ansible's own modules that fleet does not have (yet).
LACKING = frozenset({"apt_key", "mount_facts", "subversion", "sysvinit"})
INSTEAD = {"apt_key": "apt-key is gone from Debian and Ubuntu: use deb822_repository with the key as `signed_by`"}
# Of collections, by names that playbooks use without the collection's: roles for many systems call them under a condition.
ELSEWHERE = frozenset({
    "apache2_module", "apk", "archive", "capabilities", "composer", "docker_compose", "docker_container", "docker_image", "docker_network", "docker_volume",
    "firewalld", "gem", "homebrew", "htpasswd", "java_keystore", "k8s", "lvg", "lvol", "mysql_db", "mysql_info",
    "mysql_query", "mysql_replication", "mysql_user", "mysql_variables", "nmcli", "npm", "openbsd_pkg", "openssh_keypair", "openssl_certificate",
    "openssl_csr", "openssl_dhparam", "openssl_privatekey", "osx_defaults", "pacman", "pam_limits", "pamd", "parted", "pkg5", "pkgng", "portage",
    "postgresql_db", "postgresql_ext", "postgresql_privs", "postgresql_query", "postgresql_user", "redhat_subscription", "rhsm_repository", "seboolean",
    "sefcontext", "selinux", "seport", "snap", "supervisorctl", "svc", "ufw", "win_command", "win_copy", "win_feature",
    "win_file", "win_package", "win_service", "win_shell", "win_template", "x509_certificate", "xml", "zfs", "zypper", "zypper_repository",
})
_QUALIFIED = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2,}\Z")
PREFIXES = ("ansible.builtin.", "ansible.legacy.", "ansible.posix.", "community.general.", "community.crypto.", "fleet.")


@cache
def _listed(package: str) -> frozenset[str]:
    module = importlib.import_module(package)
    return frozenset(info.name for info in pkgutil.iter_modules(module.__path__) if not info.name.startswith("_"))


def names() -> list[str]:
    """Every module's and action's short name, sorted."""
    return sorted(_listed("fleet.modules") | _listed("fleet.actions"))


def short(name: str) -> str:
    """The short name for a qualified one; a name of another collection stays as it is."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return ALIASES.get(name[len(prefix):], name[len(prefix):])
    return ALIASES.get(name, name)


def canonical(name: str, pos: Pos | None = None) -> str:
    """The short name of an existing module or action. SourceError with the nearest right name otherwise."""
    word = short(name)
    if word in CORE or word in _listed("fleet.actions") or word in _listed("fleet.modules"):
        return word
    known = names()
    if lacking(name):
        last = name.rpartition(".")[2]
        if last != name and last in known:
            raise SourceError(f"there is no module '{name}'", pos=pos, hint=f"did you mean 'ansible.builtin.{last}'?")
        raise SourceError(f"fleet has no module '{name}'", pos=pos, hint=instead(name) or
                          "a `when` on the task may keep it from running; a module of your own may stand in library/")
    raise SourceError(f"there is no module '{name}'", pos=pos, hint=nearest(word, [*known, *CORE]) or "`fleet doc --list` shows what there is")


def lacking(name: str) -> bool:
    """Whether it is a module of Ansible's or a collection's that fleet does not have."""
    word = short(name)
    if word in _listed("fleet.modules") or word in _listed("fleet.actions") or word in CORE:
        return False
    return word in LACKING or word in ELSEWHERE or _QUALIFIED.match(name) is not None


def instead(name: str) -> str:
    """What to use in the place of a module that fleet does not have; empty when nothing is known."""
    return INSTEAD.get(short(name), "")


@cache
def action(name: str) -> ModuleType | None:
    """The controller side of a module or action, or None."""
    return importlib.import_module(f"fleet.actions.{name}") if name in _listed("fleet.actions") else None


@cache
def module(name: str) -> ModuleType | None:
    """The target side, or None. Names with an underscore are of modules that only actions use."""
    return importlib.import_module(f"fleet.modules.{name}") if name in _listed("fleet.modules") or name.startswith("_") else None


@cache
def spec(name: str) -> Spec:
    """The spec of a canonical name."""
    for found in (action(name), module(name)):
        declared = getattr(found, "SPEC", None)
        if isinstance(declared, Spec):
            return declared
    raise ArgumentError(f"the module '{name}' declares no spec")

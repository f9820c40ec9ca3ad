"""From a host's variables and a task's keywords to the place where the task takes effect."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

from fleet.connection.base import Become, Endpoint, Secret
from fleet.errors import FleetError, InventoryError
from fleet.settings import Settings
from fleet.validate import boolean

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
METHODS = ("sudo", "su", "doas")
# Every variable and keyword that an endpoint is made of; two tasks that agree in them share it.
VARIABLES = frozenset({
    "ansible_python_interpreter", "ansible_connection", "fleet_container", "ansible_password", "ansible_ssh_password", "ansible_ssh_pass",
    "ansible_ssh_host_key_checking", "ansible_host_key_checking", "ansible_ssh_known_hosts_file", "ansible_ssh_private_key_file",
    "ansible_private_key_file", "ansible_user", "ansible_ssh_user", "fleet_on", "ansible_ssh_private_key_passphrase", "ansible_host", "ansible_ssh_host",
    "ansible_ssh_timeout", "ansible_timeout", "ansible_ssh_retries", "ansible_port", "ansible_ssh_port", "fleet_root", "fleet_backend",
    "fleet_guest", "fleet_libvirt_uri", "ansible_libvirt_uri",
    "ansible_become", "ansible_become_method", "ansible_become_password", "ansible_become_pass", "ansible_become_flags", "ansible_become_exe",
    "ansible_become_user", "ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args",
    *(f"ansible_{method}_{what}" for method in METHODS for what in ("password", "pass", "flags", "exe")),
})
KEYWORDS = ("connection", "remote_user", "port", "become", "become_user", "become_method", "become_flags", "become_exe")
Get = Callable[..., Any]


def endpoint(host: str, variables: Mapping[str, Any], keyword: Get, settings: Settings, through: Callable[[str], Endpoint]) -> Endpoint:
    """The endpoint of one host.

    variables: the host's connection variables; keyword(name): a task keyword, already templated, or None; through(name): the endpoint of
    another host, for what lives on it (`fleet_on`). Raises InventoryError for values that make no sense.
    """

    def first(*names: str) -> Any:
        for name in names:
            value = variables.get(name)
            if value is not None and value != "":
                return value
        return None

    python = first("ansible_python_interpreter") or settings.interpreter_python
    if python in ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent"):
        python = None
    kind = str(first("ansible_connection") or keyword("connection") or ("container" if first("fleet_container") else "ssh"))
    kind = {"paramiko": "ssh", "paramiko_ssh": "ssh", "smart": "ssh", "ansible.builtin.ssh": "ssh", "ansible.builtin.local": "local",
            "ansible.builtin.paramiko_ssh": "ssh", "chroot": "container", "nspawn": "container", "agent": "guest", "libvirt_qemu": "guest",
            "community.libvirt.libvirt_qemu": "guest"}.get(kind, kind)
    become = _become(host, first, keyword, settings)
    if kind == "local":
        return Endpoint(host, "local", python=python or sys.executable, become=become)
    if kind == "container":
        return _container(host, variables, first, through, become)
    if kind == "guest":
        return _guest(host, first, through, str(python) if python else None, become)
    if kind != "ssh":
        raise InventoryError(f"host {host}: the connection '{kind}' is not supported", host=host, hint="use ssh, local, container or guest")
    options, files = _ssh_args(first, settings)
    password = first("ansible_password", "ansible_ssh_password", "ansible_ssh_pass") or keyword("connection_password")
    strict = first("ansible_ssh_host_key_checking", "ansible_host_key_checking")
    policy = settings.host_key_checking
    if strict is not None:
        policy = str(strict) if str(strict) in ("strict", "accept-new", "off") else ("strict" if boolean(strict) else "off")
    policy = {"no": "off", "off": "off", "accept-new": "accept-new", "yes": "strict"}.get(options.pop("stricthostkeychecking", "").lower(), policy)
    known = first("ansible_ssh_known_hosts_file") or options.pop("userknownhostsfile", None)
    options.pop("userknownhostsfile", None)
    key = first("ansible_ssh_private_key_file", "ansible_private_key_file") or settings.private_key_file
    user = first("ansible_user", "ansible_ssh_user") or keyword("remote_user") or settings.remote_user
    on = first("fleet_on")
    passphrase = first("ansible_ssh_private_key_passphrase")
    return Endpoint(
        host, "ssh", address=str(first("ansible_host", "ansible_ssh_host") or host), port=_port(host, first, keyword, settings),
        user=str(user) if user else None, password=Secret(password) if password else None,
        key_files=tuple([str(key)] if key else []) + tuple(files), passphrase=Secret(passphrase) if passphrase else None,
        host_keys=policy, known_hosts=tuple(str(known).split()) if known else (), options=tuple(sorted(options.items())),
        timeout=float(first("ansible_ssh_timeout", "ansible_timeout") or settings.timeout),
        retries=int(first("ansible_ssh_retries") or settings.ssh_retries), via=through(str(on)) if on else None,
        python=str(python) if python else None, become=become)


def _port(host: str, first: Get, keyword: Get, settings: Settings) -> int | None:
    port = first("ansible_port", "ansible_ssh_port") or keyword("port") or settings.remote_port
    if port is None:
        return None
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65536:
        raise InventoryError(f"host {host}: '{port}' is not a port", host=host, hint="ansible_port takes a number from 1 to 65535")
    return number


def _container(host: str, variables: Mapping[str, Any], first: Get, through: Callable[[str], Endpoint], become: tuple[Become, ...]) -> Endpoint:
    on = first("fleet_on")
    if not on:
        raise InventoryError(f"host {host}: a container needs to say where it lives", host=host, hint="set fleet_on to the name of its host")
    name = str(first("fleet_container") or host)
    root = str(first("fleet_root") or f"/var/lib/fleet/containers/{name}/root")
    backend = str(first("fleet_backend") or "chroot")
    via = through(str(on))
    if not via.become and via.user not in (None, "root"):
        via = _as_root(via)
    return Endpoint(host, "container", via=via, container=(backend, name, root), become=become)


def _guest(host: str, first: Get, through: Callable[[str], Endpoint], python: str | None, become: tuple[Become, ...]) -> Endpoint:
    """A guest by its agent. Its hypervisor is `fleet_on`, by default the controller."""
    via = through(str(first("fleet_on") or "localhost"))
    return Endpoint(host, "guest", via=via, guest=(str(first("ansible_libvirt_uri", "fleet_libvirt_uri") or "qemu:///system"), str(first("fleet_guest") or host)),
                    timeout=float(first("ansible_timeout") or 30), python=python, become=become)


def _as_root(via: Endpoint) -> Endpoint:
    """Entering a container is root's business: become root on its host first."""
    import dataclasses

    return dataclasses.replace(via, become=(Become(password=via.password),))


def _become(host: str, first: Get, keyword: Get, settings: Settings) -> tuple[Become, ...]:
    wanted = first("ansible_become")
    if wanted is None:
        wanted = keyword("become")
    try:
        if not (settings.become if wanted is None else boolean(wanted)):
            return ()
    except ValueError:
        raise FleetError(f"become takes true or false, not {wanted!r}", host=host) from None
    method = str(first("ansible_become_method") or keyword("become_method") or settings.become_method or "sudo").rpartition(".")[2]
    password = (first("ansible_become_password", "ansible_become_pass", f"ansible_{method}_password", f"ansible_{method}_pass")
                or keyword("become_password"))
    flags = first("ansible_become_flags", f"ansible_{method}_flags") or keyword("become_flags")
    exe = first("ansible_become_exe", f"ansible_{method}_exe") or keyword("become_exe")
    user = first("ansible_become_user", f"ansible_{method}_user") or keyword("become_user") or settings.become_user or "root"
    return (Become(method=method, user=str(user), password=Secret(password) if password else None,
                   flags=tuple(shlex.split(str(flags))) if flags else (), exe=str(exe) if exe else None),)


def _ssh_args(first: Get, settings: Settings) -> tuple[dict[str, str], list[str]]:
    """The -o options and -i files of ssh_args, ssh_common_args and ssh_extra_args; later ones win."""
    options: dict[str, str] = {}
    files: list[str] = []
    texts = (first("ansible_ssh_args") or settings.ssh_args, first("ansible_ssh_common_args") or settings.ssh_common_args,
             first("ansible_ssh_extra_args") or settings.ssh_extra_args)
    for text in texts:
        words = iter(shlex.split(str(text))) if text else iter(())
        for word in words:
            if word[:2] not in ("-o", "-i", "-J", "-F", "-p", "-l"):
                continue  # -C, -4, -q and the like do not change where a connection leads
            value = word[2:] or next(words, "")
            if word.startswith("-o"):
                name, _, given = value.replace("=", " ", 1).partition(" ")
                options[name.lower()] = given.strip().strip('"')
            elif word.startswith("-i"):
                files.append(value)
            else:
                options[{"-J": "proxyjump", "-F": "configfile", "-p": "port", "-l": "user"}[word[:2]]] = value
    return options, files

"""Every setting, declared once: its default, where it may come from, what it means.

Later sources win: defaults, ansible.cfg (ANSIBLE_CONFIG, ./ansible.cfg, ~/.ansible.cfg), fleet.toml beside the playbook (or [tool.fleet] in pyproject.toml),
ANSIBLE_* variables, FLEET_* variables, the command line.
"""

from __future__ import annotations

import configparser
import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fleet.errors import Pos, SourceError, UsageError, nearest

_TAKES = {"int": "a whole number", "float": "a number", "bool": "true or false", "tables": "tables ([[...]])", "hostkeys": "strict, accept-new or off"}
TRUE, FALSE = ("1", "true", "yes", "on", "y", "t"), ("0", "false", "no", "off", "n", "f", "")


def _s(doc: str, default: Any = None, *, kind: str = "str", ini: str = "", env: str = "", choices: tuple[str, ...] = ()) -> Any:
    """A setting. ini: "section/key" of ansible.cfg; env: its ANSIBLE_ variable; kind: str, int, float, bool, paths, list, path or hostkeys."""
    meta = {"doc": doc, "kind": kind, "ini": ini, "env": env, "choices": choices}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=meta)
    return field(default=default, metadata=meta)


def state(name: str) -> str:
    """A path in fleet's own state folder."""
    return str(Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / name)


@dataclass(frozen=True)
class Settings:
    """The settings in force. warnings: what was ignored while reading them; config_file: the ansible.cfg that was read, or None.

    project: the directory of fleet.toml (or pyproject.toml), the current one without any; project_file: that file.
    """

    inventory: list[str] = _s("Inventory sources.", [], kind="paths", ini="defaults/inventory", env="ANSIBLE_INVENTORY")
    forks: int = _s("Connections opened at the same time.", 20, kind="int", ini="defaults/forks", env="ANSIBLE_FORKS")
    timeout: float = _s("Seconds a connection may take.", 10.0, kind="float", ini="defaults/timeout", env="ANSIBLE_TIMEOUT")
    host_key_checking: str = _s("strict, accept-new (unknown keys are added to known_hosts) or off.", "strict", kind="hostkeys",
                                ini="defaults/host_key_checking", env="ANSIBLE_HOST_KEY_CHECKING", choices=("strict", "accept-new", "off"))
    remote_user: str | None = _s("User to log in as.", ini="defaults/remote_user", env="ANSIBLE_REMOTE_USER")
    remote_port: int | None = _s("Port to connect to.", kind="int", ini="defaults/remote_port", env="ANSIBLE_REMOTE_PORT")
    private_key_file: str | None = _s("Private key to log in with.", kind="path", ini="defaults/private_key_file", env="ANSIBLE_PRIVATE_KEY_FILE")
    interpreter_python: str | None = _s("Python on the targets; found by itself when not set.", ini="defaults/interpreter_python",
                                        env="ANSIBLE_PYTHON_INTERPRETER")
    roles_path: list[str] = _s("Where roles are looked for, after roles/ beside the playbook.", ["~/.ansible/roles", "/etc/ansible/roles"], kind="paths",
                               ini="defaults/roles_path", env="ANSIBLE_ROLES_PATH")
    library: list[str] = _s("Directories of modules of your own, after library/ of roles and playbooks.", [], kind="paths", ini="defaults/library",
                            env="ANSIBLE_LIBRARY")
    filter_plugins: list[str] = _s("Directories of filters in Python, beside filter_plugins/ of playbooks and roles.", [], kind="paths",
                                   ini="defaults/filter_plugins", env="ANSIBLE_FILTER_PLUGINS")
    test_plugins: list[str] = _s("The same for tests of templates.", [], kind="paths", ini="defaults/test_plugins", env="ANSIBLE_TEST_PLUGINS")
    lookup_plugins: list[str] = _s("The same for lookups.", [], kind="paths", ini="defaults/lookup_plugins", env="ANSIBLE_LOOKUP_PLUGINS")
    private_role_vars: bool | None = _s("Roles keep their variables to themselves; when not set, those of include_role alone do.", kind="bool",
                                        ini="defaults/private_role_vars", env="ANSIBLE_PRIVATE_ROLE_VARS")
    gathering: str = _s("When plays gather facts.", "implicit", ini="defaults/gathering", env="ANSIBLE_GATHERING", choices=("implicit", "explicit", "smart"))
    gather_subset: list[str] = _s("Which facts plays gather.", [], kind="list", ini="defaults/gather_subset", env="ANSIBLE_GATHER_SUBSET")
    become: bool = _s("Become another user in every task.", False, kind="bool", ini="privilege_escalation/become", env="ANSIBLE_BECOME")
    become_method: str = _s("How to become another user.", "sudo", ini="privilege_escalation/become_method", env="ANSIBLE_BECOME_METHOD")
    become_user: str = _s("Which user to become.", "root", ini="privilege_escalation/become_user", env="ANSIBLE_BECOME_USER")
    become_password_file: str | None = _s("File with the become password.", kind="path", ini="defaults/become_password_file",
                                          env="ANSIBLE_BECOME_PASSWORD_FILE")
    become_ask_pass: bool = _s("Ask for the become password.", False, kind="bool", ini="privilege_escalation/become_ask_pass", env="ANSIBLE_BECOME_ASK_PASS")
    connection_password_file: str | None = _s("File with the SSH password.", kind="path", ini="defaults/connection_password_file",
                                              env="ANSIBLE_CONNECTION_PASSWORD_FILE")
    ask_pass: bool = _s("Ask for the SSH password.", False, kind="bool", ini="defaults/ask_pass", env="ANSIBLE_ASK_PASS")
    vault_password_file: str | None = _s("File with the vault password, or a program that prints it.", kind="path", ini="defaults/vault_password_file",
                                         env="ANSIBLE_VAULT_PASSWORD_FILE")
    vault_identity_list: list[str] = _s("Vault ids, as ID@SOURCE.", [], kind="list", ini="defaults/vault_identity_list", env="ANSIBLE_VAULT_IDENTITY_LIST")
    ssh_args: str | None = _s("SSH options, as for ssh(1).", ini="ssh_connection/ssh_args", env="ANSIBLE_SSH_ARGS")
    ssh_common_args: str | None = _s("Further SSH options.", ini="ssh_connection/ssh_common_args", env="ANSIBLE_SSH_COMMON_ARGS")
    ssh_extra_args: str | None = _s("Further SSH options.", ini="ssh_connection/ssh_extra_args", env="ANSIBLE_SSH_EXTRA_ARGS")
    ssh_retries: int = _s("Times to try a connection again.", 0, kind="int", ini="ssh_connection/retries", env="ANSIBLE_SSH_RETRIES")
    error_on_missing_handler: bool = _s("A notification that no handler answers ends the run; it is warned about otherwise.", True, kind="bool",
                                        ini="defaults/error_on_missing_handler", env="ANSIBLE_ERROR_ON_MISSING_HANDLER")
    force_handlers: bool = _s("Run notified handlers of hosts that failed.", False, kind="bool", ini="defaults/force_handlers", env="ANSIBLE_FORCE_HANDLERS")
    hash_behaviour: str = _s("How include_vars treats mappings.", "replace", ini="defaults/hash_behaviour", env="ANSIBLE_HASH_BEHAVIOUR",
                             choices=("replace", "merge"))
    task_timeout: float = _s("Seconds a task may take; 0 = no limit.", 0.0, kind="float", ini="defaults/task_timeout", env="ANSIBLE_TASK_TIMEOUT")
    no_log: bool = _s("Hide the results of all tasks.", False, kind="bool", ini="defaults/no_log", env="ANSIBLE_NO_LOG")
    check_always: bool = _s("Run every apply as a plan.", False, kind="bool")
    diff_always: bool = _s("Show differences always.", False, kind="bool", ini="diff/always", env="ANSIBLE_DIFF_ALWAYS")
    display_skipped_hosts: bool = _s("Show skipped tasks.", False, kind="bool", ini="defaults/display_skipped_hosts", env="ANSIBLE_DISPLAY_SKIPPED_HOSTS")
    max_diff_size: int = _s("Bytes of a difference that are shown.", 104448, kind="int", ini="defaults/max_diff_size", env="ANSIBLE_MAX_DIFF_SIZE")
    show_custom_stats: bool = _s("Show what set_stats set also where the output has the shape of Ansible's.", False, kind="bool",
                                 ini="defaults/show_custom_stats", env="ANSIBLE_SHOW_CUSTOM_STATS")
    nocolor: bool = _s("No colours.", False, kind="bool", ini="defaults/nocolor", env="ANSIBLE_NOCOLOR")
    force_color: bool = _s("Colours also in a pipe.", False, kind="bool", ini="defaults/force_color", env="ANSIBLE_FORCE_COLOR")
    debug: bool = _s("Show what -vv shows.", False, kind="bool", ini="defaults/debug", env="ANSIBLE_DEBUG")
    inject_invocation: bool = _s("Results say with which options the module ran.", False, kind="bool", ini="defaults/inject_invocation",
                                 env="ANSIBLE_INJECT_INVOCATION")
    allow_broken_conditionals: bool = _s("Conditions may have any value; empty ones and zero are false.", False, kind="bool",
                                         ini="defaults/allow_broken_conditionals", env="ANSIBLE_ALLOW_BROKEN_CONDITIONALS")
    verbosity: int = _s("How much is shown.", 0, kind="int", ini="defaults/verbosity", env="ANSIBLE_VERBOSITY")
    lock_timeout: float = _s("Seconds to wait for another run to let go of a target.", 30.0, kind="float")
    journal: str = _s("The journal's SQLite file; empty = no journal.", "", kind="path")
    journal_keep: int = _s("Runs kept in the journal.", 1000, kind="int")
    reconcile: list[Any] = _s("Reconciliation entries: see docs/reconcile.md.", [], kind="tables")
    warnings: tuple[str, ...] = ()
    config_file: str | None = None
    project: str = ""
    project_file: str = ""


DECLARED = {each.name: each for each in fields(Settings) if each.metadata}


def load_settings(start: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings for a playbook in `start` (a directory; the current one by default). Raises SourceError or UsageError."""
    base = Path(start) if start is not None else Path()
    values: dict[str, Any] = {"journal": state("journal.sqlite")}
    warnings: list[str] = []
    config = _ansible_cfg(values, warnings)
    project = _project(base, values)
    for prefix in ("ANSIBLE", "FLEET"):
        for name, declared in DECLARED.items():
            variable = declared.metadata["env"] if prefix == "ANSIBLE" else f"FLEET_{name.upper()}"
            if variable and variable in os.environ and declared.metadata["kind"] != "tables":
                values[name] = _value(name, os.environ[variable], f"the environment variable {variable}", Path())
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    return Settings(**values, warnings=tuple(warnings), config_file=str(config) if config else None, project=str(project.parent if project else base.resolve()),
                    project_file=str(project or ""))


def _ansible_cfg(values: dict[str, Any], warnings: list[str]) -> Path | None:
    named = os.environ.get("ANSIBLE_CONFIG")
    for path in ([Path(named).expanduser()] if named else [Path("ansible.cfg"), Path.home() / ".ansible.cfg"]):
        path = path / "ansible.cfg" if path.is_dir() else path
        if not path.is_file():
            continue
        if not named and path.resolve().parent.stat().st_mode & stat.S_IWOTH:
            warnings.append(f"{path.resolve()} is ignored: its directory can be written by everyone")
            continue
        parser = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=(";",))
        try:
            parser.read_string(path.read_text())
        except (configparser.Error, UnicodeDecodeError) as error:
            raise SourceError(f"the configuration cannot be read: {str(error).splitlines()[0]}", pos=Pos(str(path))) from None
        for name, declared in DECLARED.items():
            section, _, key = declared.metadata["ini"].partition("/")
            if key and parser.has_option(section, key):
                values[name] = _value(name, parser.get(section, key), f"{path}: [{section}] {key}", path.resolve().parent)
        return path.resolve()
    return None


def _project(base: Path, values: dict[str, Any]) -> Path | None:
    """fleet.toml or [tool.fleet] of pyproject.toml in the directory or above it."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    for folder in (base.resolve(), *base.resolve().parents):
        for name in ("fleet.toml", "pyproject.toml"):
            path = folder / name
            if not path.is_file():
                continue
            try:
                data = tomllib.loads(path.read_text())
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise _toml_error(path, error) from None
            table = data if name == "fleet.toml" else data.get("tool", {}).get("fleet")
            if table is None:
                continue
            for key, value in table.items():
                if key not in DECLARED:
                    raise SourceError(f"there is no setting '{key}'", pos=_line(path, key), hint=nearest(key, DECLARED))
                try:
                    values[key] = _value(key, value, key, folder)
                except UsageError as error:
                    raise SourceError(error.message, pos=_line(path, key)) from None
            return path
    return None


def _toml_error(path: Path, error: Exception) -> SourceError:
    """The error with its place, which the parser has in its text."""
    message = str(error)
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    pos = Pos(str(path), int(found[1]), int(found[2])) if found else Pos(str(path))
    return SourceError(f"bad TOML: {message[:found.start()] if found else message}", pos=pos)


def _line(path: Path, key: str) -> Pos:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip().strip("[]").split("=")[0].strip() == key:
            return Pos(str(path), number, 1)
    return Pos(str(path))


def _value(name: str, value: Any, where: str, base: Path) -> Any:
    """A setting's value from text or TOML; paths are relative to the file they stand in."""
    meta = DECLARED[name].metadata
    kind, choices = meta["kind"], meta["choices"]
    try:
        if kind == "bool":
            return _bool(value)
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        if kind == "hostkeys":
            text = str(value).lower()
            return text if text in choices else ("strict" if _bool(value) else "off")
        if kind in ("paths", "list"):
            parts = value if isinstance(value, list) else [part.strip() for part in str(value).split(":" if name == "roles_path" else ",")]
            return [_path(str(part), base) if kind == "paths" else str(part) for part in parts if str(part)] if not (
                name == "inventory" and isinstance(value, str) and value.rstrip().endswith(",")) else [str(value)]
        if kind == "path":
            return _path(str(value), base) if value else value
        if kind == "tables":
            if not isinstance(value, list):
                raise ValueError
            return value
    except (TypeError, ValueError):
        raise UsageError(f"{where} takes {_TAKES.get(kind, kind)}, not {value!r}") from None
    if choices and str(value) not in choices:
        raise UsageError(f"{where} is one of {', '.join(choices)}; not {value!r}")
    return str(value)


def _path(text: str, base: Path) -> str:
    path = Path(text).expanduser()
    return str(path if path.is_absolute() or text.endswith(",") else base / path) if text else text


def _bool(value: Any) -> bool:
    text = str(value).lower()
    if text not in (*TRUE, *FALSE):
        raise ValueError
    return text in TRUE

"""First-boot data as ordinary tasks: what of it a running guest is given by fleet's own modules when it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# cloud-config keys that become tasks; those that fleet writes itself, and that only a first boot can carry out.
CONVERGED = ("hostname", "users", "ssh_authorized_keys", "packages", "write_files")
_FIRST_BOOT = frozenset({"disable_root", "ssh_pwauth", "ssh_deletekeys", "ssh_genkeytypes", "ssh_keys", "package_update", "package_upgrade"})


def tasks(data: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(what, module, arguments) of each part of a cloud-config that a running guest can take, in the order of a first boot."""
    if data.get("hostname"):
        yield f"hostname {data['hostname']}", "hostname", {"name": str(data["hostname"])}
    for each in data.get("write_files") or ():
        if isinstance(each, Mapping) and each.get("path") and not each.get("encoding") and not each.get("append"):
            args = {"dest": str(each["path"]), "content": str(each.get("content") or ""), "mode": str(each.get("permissions") or "0644")}
            owner, _, group = str(each.get("owner") or "root:root").partition(":")
            yield f"file {each['path']}", "copy", {**args, "owner": owner, **({"group": group} if group else {})}
    for each in data.get("users") or ():
        yield from _user(each)
    default = data.get("ssh_authorized_keys")
    if default:
        yield "keys of root", "authorized_key", {"user": "root", "key": "\n".join(map(str, default))}
    packages = [str(each[0] if isinstance(each, list) else each) for each in data.get("packages") or ()]
    if packages:
        yield f"packages {', '.join(packages)}", "package", {"name": packages, "state": "present"}


def _user(user: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if not isinstance(user, Mapping) or not user.get("name"):
        return  # "default": the image's own
    name = str(user["name"])
    if name != "root":
        args: dict[str, Any] = {"name": name}
        for ours, theirs in (("shell", "shell"), ("home", "homedir"), ("comment", "gecos"), ("uid", "uid"), ("group", "primary_group"), ("system", "system")):
            if user.get(theirs) is not None:
                args[ours] = user[theirs]
        groups = user.get("groups")
        if groups:
            args["groups"] = [each.strip() for each in groups.split(",")] if isinstance(groups, str) else list(groups)
            args["append"] = True
        yield f"user {name}", "user", args
    keys = user.get("ssh_authorized_keys") or user.get("ssh-authorized-keys")
    if keys:
        yield f"keys of {name}", "authorized_key", {"user": name, "key": "\n".join(map(str, keys))}
    rules = user.get("sudo")
    if rules and isinstance(rules, (str, list)):
        lines = [rules] if isinstance(rules, str) else rules
        yield f"sudo of {name}", "copy", {"dest": f"/etc/sudoers.d/fleet-{name}", "mode": "0440",
                                          "content": "".join(f"{name} {line}\n" for line in lines)}


def left_out(data: Mapping[str, Any]) -> list[str]:
    """The keys that only a first boot carries out."""
    return sorted(key for key in data if key not in CONVERGED and key not in _FIRST_BOOT)

"""Filters over text: regular expressions, encodings, digests, quoting."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import shlex
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from fleet import yamlfile
from fleet.errors import Pos, SourceError, TemplateError


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.I if ignorecase else 0) | (re.M if multiline else 0)


def regex_replace(value: Any, pattern: str = "", replacement: str = "", ignorecase: bool = False, multiline: bool = False, count: int = 0,
                  mandatory_count: int = 0) -> str:
    found, times = re.subn(pattern, replacement, str(value), count=count, flags=_flags(ignorecase, multiline))
    if mandatory_count and times != mandatory_count:
        raise TemplateError(f"'{pattern}' matches {times} times, not {mandatory_count}")
    return found


def regex_search(value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    match = re.search(pattern, str(value), _flags(ignorecase, multiline))
    if match is None:
        return None
    if not groups:
        return match.group()
    wanted = [int(text[1:]) if re.fullmatch(r"\\\d+", text) else text[3:-1] if text.startswith("\\g<") else None for text in groups]
    if None in wanted:
        raise TemplateError("regex_search takes groups as '\\\\1' or '\\\\g<name>'")
    return [match.group(name) for name in wanted if name is not None]


def regex_findall(value: Any, pattern: str, multiline: bool = False, ignorecase: bool = False) -> Any:
    return re.findall(pattern, str(value), _flags(ignorecase, multiline))


def regex_escape(value: Any, re_type: str = "python") -> str:
    return re.escape(str(value)) if re_type == "python" else re.sub(r"([].[^$*\\])", r"\\\1", str(value))


def plain(value: Any) -> Any:
    """Data as JSON and YAML writers take it (lazy mappings and marked strings become plain ones)."""
    if isinstance(value, Mapping):
        return {str.__str__(key) if isinstance(key, str) else key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or (hasattr(value, "__next__")):
        return [plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def to_json(value: Any, *args: Any, indent: int | None = None, sort_keys: bool = False, ensure_ascii: bool = True, separators: Any = None, **more: Any) -> str:
    return json.dumps(plain(value), indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=separators,
                      default=lambda item: item.isoformat() if hasattr(item, "isoformat") else str(item))


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, ensure_ascii: bool = True, **more: Any) -> str:
    return to_json(value, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=(",", ": "))


class _Dumper(yaml.SafeDumper):
    """Lists indented below their key, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(value: Any, indent: int | None = None, default_flow_style: bool | None = None, width: int = 80, sort_keys: bool = True, **more: Any) -> str:
    text = str(yaml.dump(plain(value), Dumper=_Dumper, indent=indent, default_flow_style=default_flow_style, allow_unicode=True, width=width,
                         sort_keys=sort_keys))
    return text.removesuffix("...\n")  # what PyYAML writes behind a bare scalar


def to_nice_yaml(value: Any, indent: int = 4, sort_keys: bool = True, **more: Any) -> str:
    return to_yaml(value, indent=indent, default_flow_style=False, sort_keys=sort_keys, **more)


def from_json(value: Any, **more: Any) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"from_json: this is not JSON: {error}") from None


def from_yaml(value: Any) -> Any:
    return value if not isinstance(value, str) else next(iter(_documents("from_yaml", value)), None)


def from_yaml_all(value: Any) -> Any:
    return value if not isinstance(value, str) else _documents("from_yaml_all", value)


def _documents(name: str, text: str) -> list[Any]:
    try:
        return list(yamlfile.plain(text))
    except SourceError as error:
        raise TemplateError(f"{name}: {error.message}") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{name}: this is not YAML: {' '.join(str(error).split())}") from None


def digest(value: Any, algorithm: str = "sha1") -> str:
    return hashlib.new(algorithm, str(value).encode("utf-8", "surrogateescape")).hexdigest()


def password_hash(value: Any, hashtype: str = "sha512", salt: str | None = None, salt_size: int | None = None, rounds: int | None = None,
                  ident: str | None = None) -> str:
    """A crypt(3) hash, by libpass."""
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from passlib import hash as hashes
    name = {"md5": "md5_crypt", "sha256": "sha256_crypt", "sha512": "sha512_crypt", "blowfish": "bcrypt"}.get(hashtype, hashtype)
    kind = getattr(hashes, name, None)
    if kind is None:
        raise TemplateError(f"password_hash knows no method '{hashtype}'", hint="there are sha512, sha256, md5, blowfish")
    given: dict[str, Any] = {key: item for key, item in (("salt", salt), ("rounds", rounds), ("ident", ident)) if item is not None}
    if salt is None and salt_size:
        given["salt"] = "".join(secrets.choice("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") for _ in range(salt_size))
    if rounds is None and name in ("sha512_crypt", "sha256_crypt"):
        given["rounds"] = {"sha512_crypt": 656000, "sha256_crypt": 535000}[name]
    return str(kind.using(**given).hash(str(value)))


def b64encode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    data = str(value).encode(encoding, "surrogateescape")
    return (base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)).decode()


def b64decode(value: Any, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    text = str(value)
    return (base64.urlsafe_b64decode(text) if urlsafe else base64.b64decode(text)).decode(encoding, "surrogateescape")


_STYLES = {"plain": {"decoration": "# "}, "erlang": {"decoration": "% "}, "c": {"decoration": "// "},
           "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"}, "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"}}


def comment(text: Any, style: str = "plain", **own: Any) -> str:
    """own: decoration, beginning, end, prefix and postfix (a line of its own around the text) with their _count, newline."""
    if style not in _STYLES:
        raise TemplateError(f"comment has no style '{style}'", hint=f"there are {', '.join(_STYLES)}")
    given: dict[str, Any] = {**_STYLES[style], **own}
    newline, decoration = given.get("newline", "\n"), given["decoration"]
    bare = decoration.rstrip()
    before, after = given.get("prefix", bare), given.get("postfix", bare)
    lines = [(decoration + line).rstrip() if line else bare for line in str(text).splitlines() or [""]]
    parts = [*([given["beginning"]] if given.get("beginning") else []), *([before] * int(given.get("prefix_count", 1))), *lines,
             *([after] * int(given.get("postfix_count", 1))), *([given["end"]] if given.get("end") else [])]
    return str(newline.join(parts))


def vault(value: Any, secret: Any, salt: str | None = None, vault_id: str = "filter_default", **more: Any) -> str:
    """Vault text of a value. salt: makes the outcome the same each time; without one it is random."""
    from fleet.connection.base import Secret
    from fleet.vault import Vault
    return Vault([(vault_id, Secret(str(secret)))]).encrypt(str(value).encode(), vault_id, salt.encode() if salt else None).rstrip("\n")


def unvault(value: Any, secret: Any, vault_id: str = "filter_default", **more: Any) -> str:
    from fleet.connection.base import Secret
    from fleet.vault import Vault
    text = str(value)
    return Vault([(vault_id, Secret(str(secret)))]).decrypt(text, Pos("")) if text.lstrip().startswith("$ANSIBLE_VAULT;") else text


def to_uuid(value: Any, namespace: Any = "361E6D51-FAEC-444A-9079-341386DA8E2E") -> str:
    return str(uuid.uuid5(uuid.UUID(str(namespace)), str(value)))


FILTERS: dict[str, Callable[..., Any]] = {
    "regex_replace": regex_replace, "regex_search": regex_search, "regex_findall": regex_findall, "regex_escape": regex_escape,
    "to_json": to_json, "to_nice_json": to_nice_json, "from_json": from_json, "to_yaml": to_yaml, "to_nice_yaml": to_nice_yaml,
    "from_yaml": from_yaml, "from_yaml_all": from_yaml_all,
    "b64encode": b64encode, "b64decode": b64decode,
    "hash": digest, "checksum": lambda value: digest(value, "sha1"), "sha1": lambda value: digest(value, "sha1"),
    "md5": lambda value: digest(value, "md5"), "password_hash": password_hash, "quote": lambda value: shlex.quote("" if value is None else str(value)),
    "comment": comment, "vault": vault, "unvault": unvault, "split": lambda value, *sep: str(value).split(*sep),
    "to_uuid": to_uuid,
    "string": lambda value: value if type(value) is str else str(value),
}

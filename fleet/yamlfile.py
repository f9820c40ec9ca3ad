"""YAML from people: read safely, bounded, with positions, and with trusted templates marked.

`load` returns plain data in which every mapping is a `Map` and every sequence a `Seq`: dict and list that know where they stand. Strings with
Jinja markup are `Trusted`; `!unsafe` strings are `Unsafe`; `!vault` values are decrypted by the given function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from fleet.errors import Pos, SourceError
from fleet.trust import Unsafe, trust_str

MAX_BYTES = 32 * 1024 * 1024
MAX_NODES = 2_000_000  # after aliases are expanded
MAX_DEPTH = 200  # libyaml composes by recursion, and a document that is deep enough ends the process

try:
    _Loader: Any = yaml.CSafeLoader
except AttributeError:  # a PyYAML built without libyaml
    _Loader = yaml.SafeLoader

Decrypt = Callable[[str, Pos], str]
# Block collections go one deeper with each column of indentation, or with each dash or question mark of a line.
_DEEP = re.compile(rf"^[ \t]{{{MAX_DEPTH // 4},}}\S|^[ \t]*(?:[-?][ \t]+){{{MAX_DEPTH // 4},}}", re.M)


class Map(dict[Any, Any]):
    """A mapping with its position (`pos`) and those of its keys (`at(key)`)."""

    __slots__ = ("keys_at", "pos")

    def __init__(self, pos: Pos) -> None:
        super().__init__()
        self.pos = pos
        self.keys_at: dict[Any, tuple[int, int]] = {}

    def at(self, key: Any) -> Pos:
        line, col = self.keys_at.get(key, (self.pos.line, self.pos.col))
        return Pos(self.pos.file, line, col)


class Seq(list[Any]):
    """A sequence with its position (`pos`) and those of its items (`at(index)`)."""

    __slots__ = ("items_at", "pos")

    def __init__(self, pos: Pos) -> None:
        super().__init__()
        self.pos = pos
        self.items_at: list[tuple[int, int]] = []

    def at(self, index: int) -> Pos:
        line, col = self.items_at[index] if index < len(self.items_at) else (self.pos.line, self.pos.col)
        return Pos(self.pos.file, line, col)


def read(path: str | Path, *, decrypt: Decrypt | None = None) -> Any:
    """Load a YAML file. Raises SourceError when it cannot be read or is not good YAML."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}", pos=Pos(str(path))) from None
    if data.startswith(b"$ANSIBLE_VAULT;"):
        pos = Pos(str(path))
        if decrypt is None:
            raise SourceError("this file is vault-encrypted and no vault password was given", pos=pos,
                              hint="use --vault-password-file or --ask-vault-pass")
        return load(decrypt(data.decode("ascii", "replace"), pos), str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError("this file is not UTF-8", pos=Pos(str(path), line), hint="save it as UTF-8 (it looks like Latin-1)") from None
    return load(text, str(path), decrypt=decrypt)


def load(text: str, name: str = "<string>", *, decrypt: Decrypt | None = None) -> Any:
    """Load one YAML document from text; None for an empty one. `name` is the file shown in errors."""
    if len(text) > MAX_BYTES:
        raise SourceError(f"more than {MAX_BYTES >> 20} MiB of YAML", pos=Pos(name))
    loader = _Loader(text)
    try:
        check_depth(text, name)
        node = loader.get_single_node()
        return None if node is None else _Builder(name, loader, decrypt).build(node)
    except yaml.YAMLError as error:
        raise _explain(error, text, name) from None
    finally:
        loader.dispose()


def plain(text: str) -> Iterator[Any]:
    """The documents of YAML that is data, not a person's file: bounded like one, plain values without positions. Raises SourceError, yaml.YAMLError."""
    if len(text) > MAX_BYTES:
        raise SourceError(f"more than {MAX_BYTES >> 20} MiB of YAML")
    check_depth(text, "YAML")
    return iter(yaml.load_all(text, Loader=_Loader))


def check_depth(text: str, name: str) -> None:
    """Raises SourceError for more than MAX_DEPTH levels. What cannot be that deep, by its brackets and indentation, is not looked at twice."""
    if text.count("[") + text.count("{") < MAX_DEPTH and not _DEEP.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                raise SourceError(f"this YAML is more than {MAX_DEPTH} levels deep", pos=Pos(name, mark.line + 1, mark.column + 1) if mark else Pos(name))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _explain(error: yaml.YAMLError, text: str, name: str) -> SourceError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    pos = Pos(name, mark.line + 1, mark.column + 1) if mark else Pos(name)
    problem = getattr(error, "problem", None) or str(error).split("\n")[0]
    line = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
    hint = ""
    if "\t" in line:
        hint = "YAML is indented with spaces; this line holds a tab"
    elif "\u00a0" in line:
        hint = "this line holds a non-breaking space; type a plain one"
    elif "{{" in line and ": {{" in line:
        hint = 'a value that starts with {{ must be quoted: "{{ ... }}"'
    elif "mapping values are not allowed" in problem:
        hint = 'a value holding ": " must be quoted, or the indentation is off'
    elif "single document" in problem or "another document" in problem:
        hint = "one file holds one YAML document"
    return SourceError(f"bad YAML: {problem}", pos=pos, hint=hint)


class _Builder:
    """Builds data from PyYAML's nodes. An anchor is built once and shared; the node budget counts its uses in full."""

    def __init__(self, name: str, loader: Any, decrypt: Decrypt | None) -> None:
        self.name = name
        self.loader = loader
        self.decrypt = decrypt
        self.done: dict[int, tuple[Any, int]] = {}
        self.open: set[int] = set()

    def build(self, node: Any) -> Any:
        return self._build(node)[0]

    def _pos(self, node: Any) -> Pos:
        return Pos(self.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def _build(self, node: Any) -> tuple[Any, int]:
        kind = type(node)
        if kind is yaml.ScalarNode:
            return self._scalar(node), 1
        if id(node) in self.done:
            return self.done[id(node)]
        if id(node) in self.open:
            raise SourceError("an alias refers to itself", pos=self._pos(node))
        self.open.add(id(node))
        tag = node.tag
        if tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!unsafe", "tag:yaml.org,2002:omap", "tag:yaml.org,2002:set"):
            raise SourceError(f"the YAML tag {tag} is not allowed here", pos=self._pos(node), hint="only plain data, !vault and !unsafe are read")
        built = self._map(node) if kind is yaml.MappingNode else self._seq(node)
        if built[1] > MAX_NODES:
            raise SourceError(f"this YAML expands to more than {MAX_NODES} nodes", pos=self._pos(node), hint="aliases multiply: check the anchors")
        if tag == "!unsafe":
            built = (_make_unsafe(built[0]), built[1])
        self.open.discard(id(node))
        self.done[id(node)] = built
        return built

    def _map(self, node: Any) -> tuple[Map, int]:
        result = Map(self._pos(node))
        size = 1
        merges: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged, count = self._build(value_node)
                merges.extend(merged if isinstance(merged, list) else [merged])
                size += count
                continue
            key = self._build(key_node)[0]
            if isinstance(key, (dict, list)):
                raise SourceError("a mapping or list cannot be a key", pos=self._pos(key_node), hint='quote it if it is a template: "{{ ... }}"')
            if isinstance(key, str) and "\u00a0" in (key[:1], key[-1:]):
                raise SourceError("this key begins or ends with a non-breaking space", pos=self._pos(key_node), hint="type a plain space")
            if key in result:
                raise SourceError(f"the key '{key}' stands here twice", pos=self._pos(key_node),
                                  hint=f"it was first given at line {result.at(key).line}")
            value, count = self._build(value_node)
            size += count + 1
            result[key] = value
            result.keys_at[key] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        for merged in merges:
            if not isinstance(merged, dict):
                raise SourceError("`<<` merges mappings only", pos=self._pos(node))
            for key, value in merged.items():
                if key not in result:
                    result[key] = value
        return result, size

    def _seq(self, node: Any) -> tuple[Seq, int]:
        result = Seq(self._pos(node))
        size = 1
        for child in node.value:
            value, count = self._build(child)
            size += count
            result.append(value)
            result.items_at.append((child.start_mark.line + 1, child.start_mark.column + 1))
        return result, size

    def _scalar(self, node: Any) -> Any:
        tag = node.tag
        if tag == "tag:yaml.org,2002:str":
            return trust_str(node.value)
        if tag == "!unsafe":
            return Unsafe(node.value)
        if tag in ("!vault", "!vault-encrypted"):
            pos = self._pos(node)
            if self.decrypt is None:
                raise SourceError("this value is vault-encrypted and no vault password was given", pos=pos,
                                  hint="use --vault-password-file or --ask-vault-pass")
            return trust_str(self.decrypt(node.value, pos))
        if not tag.startswith("tag:yaml.org,2002:"):
            raise SourceError(f"the YAML tag {tag} is not allowed here", pos=self._pos(node), hint="only plain data, !vault and !unsafe are read")
        if tag.startswith("tag:yaml.org,2002:python"):
            raise SourceError("YAML cannot make Python objects here", pos=self._pos(node))
        try:
            return self.loader.construct_object(node)
        except (ValueError, OverflowError) as error:
            raise SourceError(f"bad YAML value {node.value!r}: {error}", pos=self._pos(node)) from None


def _make_unsafe(value: Any) -> Any:
    """The same data with every string Unsafe (the items of a `!unsafe` mapping or sequence)."""
    if isinstance(value, str):
        return Unsafe(value)
    if isinstance(value, Map):
        for key in value:
            value[key] = _make_unsafe(value[key])
    elif isinstance(value, Seq):
        value[:] = [_make_unsafe(item) for item in value]
    return value

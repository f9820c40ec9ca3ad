"""What fits a role's annotations, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import pytest

from fleet.dsl.params import bind, shown
from fleet.errors import ArgumentError, Pos


@dataclass
class Peer:
    name: str
    port: int = 80


class Site(TypedDict):
    name: str


FITS: list[tuple[Any, Any, Any]] = [  # annotation, value, what it becomes
    (int, 1, 1), (float, 1, 1.0), (str, "x", "x"), (bool, True, True), (Any, object, object), (int | None, None, None), (Path, "/x", Path("/x")),
    (list[int], [1, 2], [1, 2]), (Sequence[str], ("a",), ["a"]), (set[str], ["a"], {"a"}), (tuple[int, ...], [1], (1,)), (dict[str, int], {"a": 1}, {"a": 1}),
    (Mapping[str, Any], {"a": []}, {"a": []}), (Literal["a", 1], 1, 1), (Peer, {"name": "x"}, Peer("x")), (list[Peer], [{"name": "x", "port": 1}], [Peer("x", 1)]),
    (Site, {"name": "x"}, {"name": "x"}), (int | list[int], [1], [1]), (Callable[..., Any], print, print),
]
WRITTEN: list[tuple[Any, Any, Any]] = [(int, "80", 80), (bool, "yes", True), (float, "1.5", 1.5), (str, 80, "80"), (Literal[1, 2], "2", 2), (list[int], ["1"], [1]),
                                       (Peer, {"name": "x", "port": "81"}, Peer("x", 81)), (int | str, "x", "x"), (str | int, 5, 5)]
REFUSED: list[tuple[Any, Any]] = [(int, "1"), (int, True), (str, 1), (bool, "yes"), (list[int], "1"), (list[int], ["a"]), (dict[str, int], []), (Literal["a"], "b"),
                                  (Peer, {"nam": "x"}), (Peer, {}), (int | None, "x"), (Path, 1), (float, "1")]


def bound(kind: Any, value: Any, written: bool = False) -> Any:
    def role(t, x): ...  # type: ignore[no-untyped-def]
    role.__annotations__ = {"x": kind}
    return bind("r", role, {"x": value}, Pos("f", 1), written)["x"]


@pytest.mark.parametrize(("kind", "value", "wanted"), FITS, ids=lambda each: None)
def test_what_fits(kind: Any, value: Any, wanted: Any) -> None:
    assert bound(kind, value) == wanted and type(bound(kind, value)) is type(wanted)


@pytest.mark.parametrize(("kind", "value", "wanted"), WRITTEN, ids=lambda each: None)
def test_what_yaml_writes(kind: Any, value: Any, wanted: Any) -> None:
    assert bound(kind, value, True) == wanted and type(bound(kind, value, True)) is type(wanted)


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=lambda each: None)
def test_what_does_not(kind: Any, value: Any) -> None:
    with pytest.raises(ArgumentError, match="the role r: the parameter 'x' takes"):
        bound(kind, value)


def test_any_further_parameters() -> None:
    def role(t: Any, x: int = 1, **more: Any) -> None: ...
    assert bind("r", role, {"y": 2}, Pos("f")) == {"x": 1, "y": 2}


def test_how_annotations_are_shown() -> None:
    assert [shown(kind) for kind in (int, list[Peer] | None, dict[str, Any], Literal["a", 1], Sequence[str])] == [
        "int", "list[Peer] | None", "dict[str, anything]", "Literal['a', 1]", "Sequence[str]"]

"""The code is held to the drawing in docs/architecture.md: an import never goes up, and every room is in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def drawing() -> dict[str, int]:
    """Room -> its line, counted from the top."""
    text = (ROOT / "docs/architecture.md").read_text()
    block = re.search(r"\n\n((?:    .*\n)+)", text)
    assert block is not None
    return {name: number for number, line in enumerate(block[1].splitlines())
            for name in re.findall(r"(\w+)/?", re.split(r"\s{3,}", line.strip())[0])}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of fleet that a file names in imports, wherever they stand, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"fleet.{alias.name}" for alias in node.names] if node.module == "fleet" else [node.module or ""]
        else:
            continue
        yield from ((name.split(".")[1], node.lineno) for name in names if name.startswith("fleet."))


def test_every_room_is_in_the_drawing() -> None:
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "fleet").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == set(drawing())


def test_no_import_goes_up() -> None:
    floors, wrong = drawing(), []
    for path in sorted((ROOT / "fleet").rglob("*.py")):
        room = path.relative_to(ROOT / "fleet").parts[0].removesuffix(".py")
        if room in floors:
            wrong += [f"{path.relative_to(ROOT)}:{line} imports {name}" for name, line in imports(path)
                      if name in floors and name != room and floors[name] <= floors[room]]
    assert not wrong, "change docs/architecture.md first, or the import"


def test_what_runs_on_targets_knows_nothing_else_of_fleet() -> None:
    for room in ("runner", "modules"):
        for path in (ROOT / "fleet" / room).glob("*.py"):
            assert {name for name, _ in imports(path)} <= {"runner", "modules"}, path

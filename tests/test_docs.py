"""The documentation: pages that are made from code are current, links lead somewhere, and what is said of keys is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleet import registry
from fleet.cli.pages import pages
from fleet.reconcile.entries import KEYS
from fleet.report.docs import THEMES

ROOT = Path(__file__).parents[1]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


def test_pages_made_from_code_are_current(made: dict[str, str]) -> None:
    stale = [name for name, text in made.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]
    assert not stale, "run `make docs`"
    assert {f"docs/modules/{path.name}" for path in (ROOT / "docs/modules").glob("*")} <= set(made), "a page of a module that is gone: run `make docs`"


def test_no_module_has_two_themes() -> None:
    names = [name for words in THEMES.values() for name in words.split()]
    assert len(names) == len(set(names))


def anchors(text: str) -> set[str]:
    """The places in a page that a link may name."""
    heads = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", head).lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.is_file(), f"{page.name} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(place.read_text()), f"{page.name} links to {target}, and there is no such heading"


def test_the_keys_of_reconciliation_are_told_as_the_code_has_them() -> None:
    text = (ROOT / "docs/reconcile.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert {name: doc for name, (_, doc) in KEYS.items()} == {name: rows.get(name) for name in KEYS}


def test_modules_are_told_as_they_are() -> None:
    text = (ROOT / "docs/compatibility.md").read_text()
    rows = [row.split("|")[2:4] for row in text.split("<!-- modules -->")[1].split("<!-- end")[0].splitlines() if row.startswith("| `")]
    there, not_there = ({name for row in rows for name in re.findall(r"`(\w+)`", row[side])} - {"deb822_repository", "signed_by"} for side in (0, 1))
    assert there <= set(registry.names()) and not not_there & set(registry.names())
    assert not_there >= registry.LACKING


def test_every_page_can_be_found() -> None:
    """From README, the first page of the site, and its navigation."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    for name in ("README.md", "docs/index.md", "mkdocs.yml"):
        text = (ROOT / name).read_text()
        assert not [page for page in pages if not re.search(rf"[\s(/]{re.escape(page)}\b", text)], f"link to it in {name}"

"""docs/templating.md says what there is, all of it."""

from __future__ import annotations

from pathlib import Path

from fleet.template import reference
from fleet.template.filters import FILTERS
from fleet.template.lookups import LOOKUPS
from fleet.template.tests import TESTS


def test_each_name_is_explained() -> None:
    for registry, about in ((FILTERS, reference.ABOUT_FILTERS), (TESTS, reference.ABOUT_TESTS), (LOOKUPS, reference.ABOUT_LOOKUPS)):
        assert sorted(registry) == sorted(about)
        assert all(about.values())


def test_the_page_is_what_the_registry_gives() -> None:
    page = Path(__file__).parents[2] / "docs" / "templating.md"
    assert page.read_text() == reference.markdown(), "run: python -m fleet.template.reference > docs/templating.md"

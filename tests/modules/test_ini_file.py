from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.modules.harness import FilesCase, case_id, fails, files_case, run


def case(before: str | None, options: dict[str, Any], after: str, changed: bool = True) -> FilesCase:
    return ("ini_file", {} if before is None else {"f": before}, {"path": "{}/f", **options}, changed, {"f": after})


SET = {"section": "a", "option": "x", "value": "1"}
CASES = [
    case(None, SET, "[a]\nx = 1\n"),
    case("[a]\nx = 1\n", SET, "[a]\nx = 1\n", False),
    case("[a]\nx=1\n", SET, "[a]\nx = 1\n"),
    case("[a]\nx=1\n", {**SET, "ignore_spaces": True}, "[a]\nx=1\n", False),
    case("[a]\nx=2\n", {**SET, "no_extra_spaces": True}, "[a]\nx=1\n"),
    case("# top\nx = 9\n[a]\ny = 2\n\n[b]\nx = 3\n", SET, "# top\nx = 9\n[a]\ny = 2\nx = 1\n\n[b]\nx = 3\n"),
    case("[b]\nx = 3", SET, "[b]\nx = 3\n[a]\nx = 1\n"),
    case("[a]\n#x = 5\n", SET, "[a]\nx = 1\n"),
    case("[a]\n;x = 5\n", {**SET, "modify_inactive_option": False}, "[a]\n;x = 5\nx = 1\n"),
    case("[a]\nx = 0\nx = 1\nx = 2\n", SET, "[a]\nx = 1\n"),
    case("[a]\nx = 0\n", {**SET, "exclusive": False}, "[a]\nx = 0\nx = 1\n"),
    case("[a]\nx = 0\ny = 1\n", {"section": "a", "option": "x", "values": ["p", "q"]}, "[a]\nx = p\ny = 1\nx = q\n"),
    case("[a]\n", {"section": "a", "option": "skip", "allow_no_value": True}, "[a]\nskip\n"),
    case("top = 1\n[a]\nx = 1\n", {"option": "top", "value": "2"}, "top = 2\n[a]\nx = 1\n"),
    case("[a]\nx = 1\n", {"option": "new", "value": "2"}, "new = 2\n[a]\nx = 1\n"),
    case("[a]\r\nx = 1\r\n", {**SET, "value": "2"}, "[a]\r\nx = 2\r\n"),
    case("[b]\n", {"section": "a"}, "[b]\n[a]\n"),
    case("[a]\nx = 1\n[b]\ny = 2\n", {"section": "a", "state": "absent"}, "[b]\ny = 2\n"),
    case("[a]\nx = 1\ny = 2\n#x = 1\n", {"section": "a", "option": "x", "state": "absent"}, "[a]\ny = 2\n#x = 1\n"),
    case("[a]\nx = 1\nx = 2\n", {**SET, "state": "absent", "exclusive": False}, "[a]\nx = 2\n"),
    case("[a]\nx = 1\n", {"section": "c", "state": "absent"}, "[a]\nx = 1\n", False),
    case("[p]\nn = 1\n[p]\nn = 2\nx = 0\n", {"section": "p", "section_has_values": [{"option": "n", "value": "2"}], "option": "x", "value": "1"},
         "[p]\nn = 1\n[p]\nn = 2\nx = 1\n"),
    case("[p]\nn = 1\n", {"section": "p", "section_has_values": [{"option": "n", "value": "2"}], "option": "x", "value": "1"},
         "[p]\nn = 1\n[p]\nn = 2\nx = 1\n"),
    case("[a]\nurl = http://h/?a=b ; c\n", {"section": "a", "option": "url", "value": "http://h/?a=b ; c"}, "[a]\nurl = http://h/?a=b ; c\n", False),
]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_case(tmp_path: Path, case: FilesCase) -> None:
    files_case(tmp_path, case)


def test_file_options_and_backup(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("[a]\nx = 0\n")
    done = run("ini_file", {"path": str(path), **SET, "mode": "0600", "backup": True})
    assert path.stat().st_mode & 0o777 == 0o600 and Path(done["backup_file"]).read_text() == "[a]\nx = 0\n"
    assert done["diff"][0] | {"path": "f"} == {"what": "content", "path": "f", "before": "[a]\nx = 0\n", "after": "[a]\nx = 1\n"}
    (tmp_path / "link").symlink_to("f")
    run("ini_file", {"path": str(tmp_path / "link"), **SET, "value": "2", "follow": True})
    assert (tmp_path / "link").is_symlink() and "x = 2" in path.read_text()
    run("ini_file", {"path": str(tmp_path / "link"), **SET, "value": "3"})
    assert not (tmp_path / "link").is_symlink() and "x = 2" in path.read_text()


def test_what_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "f")
    fails("ini_file", {"path": path, "section": "a", "option": "x"}, "needs value", tmp_path)
    fails("ini_file", {"path": path, "section": "a", "option": "x", "value": "1\n[b]"}, "line end", tmp_path)
    fails("ini_file", {"path": path, **SET, "create": False}, "does not exist", tmp_path)

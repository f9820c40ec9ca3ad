"""What the controller's side of file modules sends and takes: fetch, script, unarchive; and fail."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.actions.harness import results
from tests.engine.harness import Site

# the script's options, whether it changed, and fields of the result
SCRIPTS: list[tuple[Any, dict[str, Any]]] = [
    ("say.sh one 'two three'", {"changed": True, "stdout_lines": ["one|two three"], "rc": 0}),
    ({"cmd": "say.sh a b"}, {"changed": True, "stdout_lines": ["a|b"]}),
    ("fail.sh", {"failed": True, "rc": 7, "msg": "non-zero return code"}),
    ("say.sh x y creates=/etc/passwd", {"skipped": True, "changed": False}),
    ("say.sh x y removes=/no/such", {"skipped": True, "changed": False}),
    ("where.sh chdir=/usr", {"stdout_lines": ["/usr"]}),
    ("plain executable=cat", {"stdout_lines": ["text, not a program"]}),
    ("'with blank.sh'", {"stdout_lines": ["blank"]}),
    ("nope.sh", {"failed": True}),
    ({}, {"failed": True}),
]


def scripts(site: Site) -> None:
    for name, text in (("say.sh", "#!/bin/sh\necho \"$1|$2\"\n"), ("fail.sh", "exit 7\n"), ("where.sh", "#!/bin/sh\npwd\n"),
                       ("plain", "text, not a program\n"), ("with blank.sh", "echo blank\n")):
        site.write(f"files/{name}", text)


@pytest.mark.parametrize(("options", "expected"), SCRIPTS, ids=str)
def test_script(site: Site, options: Any, expected: dict[str, Any]) -> None:
    scripts(site)
    [result] = results(site, {"script": options, "ignore_errors": True})
    assert {key: result.get(key) for key in expected} == expected, result


def test_a_script_is_not_run_in_a_plan(site: Site) -> None:
    site.write("files/touch.sh", f"touch {site.path}/ran\n")
    [result] = results(site, {"script": "touch.sh", "check_mode": True})
    assert result["skipped"] and not (site.path / "ran").exists()


def test_fetch(site: Site) -> None:
    source = site.path / "target/etc/app.conf"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"key: \xff\n")
    fetched = site.path / "fetched"
    tasks = [{"fetch": {"src": str(source), "dest": f"{fetched}/"}}, {"fetch": {"src": str(source), "dest": f"{fetched}/"}},
             {"fetch": {"src": str(source), "dest": f"{fetched}/own.conf", "flat": True}},
             {"fetch": {"src": f"{source}.no", "dest": f"{fetched}/"}, "ignore_errors": True},
             {"fetch": {"src": f"{source}.no", "dest": f"{fetched}/", "fail_on_missing": False}}]
    done = results(site, *tasks)
    assert [(result["changed"], result["failed"]) for result in done] == [(True, False), (False, False), (True, False), (False, True), (False, False)]
    copy = Path(f"{fetched}/a{source}")
    assert copy.read_bytes() == source.read_bytes() == (fetched / "own.conf").read_bytes()
    assert done[0]["dest"] == str(copy) and len(done[0]["checksum"]) == 40 and "does not exist" in done[3]["msg"]


def test_unarchive_takes_the_archive_along(site: Site) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("app/run")
        info.size, info.mode = 3, 0o755
        tar.addfile(info, io.BytesIO(b"run"))
    (site.path / "files").mkdir()
    (site.path / "files/app.tgz").write_bytes(out.getvalue())
    dest = site.path / "opt"
    dest.mkdir()
    task = {"unarchive": {"src": "app.tgz", "dest": str(dest)}}
    planned, first, second, kept, lost = results(
        site, {**task, "check_mode": True}, task, task, {"unarchive": {"src": "app.tgz", "dest": str(dest), "creates": f"{dest}/app/run"}},
        {"unarchive": {"src": "no.tgz", "dest": str(dest)}, "ignore_errors": True})
    assert [planned["changed"], first["changed"], second["changed"], lost["failed"]] == [True, True, False, True]
    assert (dest / "app/run").read_text() == "run" and (dest / "app/run").stat().st_mode & 0o777 == 0o755
    assert not kept["changed"]


def test_fail(site: Site) -> None:
    first, second = results(site, {"fail": {"msg": "why {{ 1 + 1 }}"}, "ignore_errors": True}, {"fail": None, "ignore_errors": True})
    assert (first["msg"], first["failed"], second["msg"]) == ("why 2", True, "Failed as requested from task")


def test_fragments_of_the_controller(site: Site) -> None:
    for name, text in (("a", "one\n"), ("b", "two"), (".c", "three")):
        site.write(f"files/parts/{name}", text)
    dest = site.path / "whole"
    task = {"assemble": {"src": "parts", "dest": str(dest), "remote_src": False, "ignore_hidden": True, "delimiter": "--"}}
    first, second = results(site, task, task)
    assert first["changed"] and not second["changed"] and dest.read_text() == "one\n--\ntwo"
    [empty] = results(site, {"assemble": {"src": "parts", "dest": str(dest), "remote_src": False, "regexp": "none"}})
    assert empty["changed"] and dest.read_text() == ""
    [failed] = results(site, {"assemble": {"src": "nope", "dest": str(dest), "remote_src": False}, "ignore_errors": True})
    assert failed["failed"] and dest.read_text() == ""

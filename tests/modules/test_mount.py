"""mount: fstab in a file of ours, and real mounts in a private root."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.errors import ArgumentError
from fleet.modules.mount import mounted
from tests.modules.harness import FilesCase, case_id, fails, files_case
from tests.modules.harness import run as run_here
from tests.modules.sysroot import inside, ok, run, settles

LINE = "/dev/vdb1 /srv/data ext4 noatime 0 2\n"
DATA = {"path": "/srv/data", "src": "/dev/vdb1", "fstype": "ext4", "opts": "noatime", "passno": "2", "fstab": "{}/f", "state": "present"}
CASES: list[FilesCase] = [
    ("mount", {}, DATA, True, {"f": LINE}),
    ("mount", {"f": "# words\n/dev/vda1 / ext4 defaults 0 1"}, DATA, True, {"f": "# words\n/dev/vda1 / ext4 defaults 0 1\n" + LINE}),
    ("mount", {"f": "/dev/vdb1\t/srv/data/\text4\tnoatime\t0\t2\n"}, {**DATA, "path": "/srv/data/"}, True, {"f": LINE}),
    ("mount", {"f": "/dev/vdb1   /srv/data   ext4   noatime 0 2\n"}, DATA, False, {"f": "/dev/vdb1   /srv/data   ext4   noatime 0 2\n"}),
    ("mount", {"f": "/dev/vdb1 /srv/data ext4 noatime\n"}, {**DATA, "passno": "0"}, False, {}),
    ("mount", {"f": "a /srv/data ext3 ro\n" + LINE}, DATA, True, {"f": LINE}),
    ("mount", {"f": LINE}, {**DATA, "boot": False}, True, {"f": LINE.replace("noatime", "noatime,noauto")}),
    ("mount", {}, {**DATA, "path": "/srv/a b", "src": "//h/c d"}, True, {"f": "//h/c\\040d /srv/a\\040b ext4 noatime 0 2\n"}),
    ("mount", {"f": "/dev/a none swap sw 0 0\n"}, {"path": "none", "src": "/dev/b", "fstype": "swap", "opts": "sw", "fstab": "{}/f", "state": "present"}, True,
     {"f": "/dev/a none swap sw 0 0\n/dev/b none swap sw 0 0\n"}),
    ("mount", {"f": "x /y z\n" + LINE}, {"path": "/srv/data", "state": "absent_from_fstab", "fstab": "{}/f"}, True, {"f": "x /y z\n"}),
    ("mount", {"f": "x /y z\n"}, {"path": "/srv/data", "state": "absent_from_fstab", "fstab": "{}/f"}, False, {"f": "x /y z\n"}),
    ("mount", {}, {"path": "/srv/no-such", "state": "unmounted"}, False, {}),
]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_fstab(tmp_path: Path, case: FilesCase) -> None:
    module, before, options, changed, after = case
    files_case(tmp_path, (module, before, options, changed, after or before))


def test_what_is_refused(tmp_path: Path) -> None:
    fails("mount", {"path": "relative", "src": "a", "fstype": "b", "state": "present", "fstab": str(tmp_path / "f")}, "absolute", tmp_path)
    fails("mount", {"path": "/srv/no-such", "state": "remounted"}, "not mounted")
    with pytest.raises(ArgumentError, match="needs: src, fstype"):
        run_here("mount", {"path": "/x", "state": "mounted"})


def test_options_are_not_shown(tmp_path: Path) -> None:
    done = run_here("mount", {"path": "/srv/share", "src": "//h/s", "fstype": "cifs", "opts": "password=hush", "opts_no_log": True, "state": "present",
                              "fstab": str(tmp_path / "f")})
    assert done["changed"] and "hush" not in str(done) and "hush" in (tmp_path / "f").read_text()


def options(path: str) -> set[str]:
    return {word for found in mounted(path)[-1:] for word in found.opts}


@inside
def test_mounted_and_gone() -> None:
    tmpfs = {"path": "/srv/data", "src": "tmpfs", "fstype": "tmpfs"}
    Path("/etc/fstab").write_text("# ours\n")
    done = settles("mount", state="mounted", opts="size=1m,mode=0700", **tmpfs)
    assert {"size=1024k", "mode=700"} <= options("/srv/data") and done["opts"] == "size=1m,mode=0700"
    assert Path("/etc/fstab").read_text() == "# ours\ntmpfs /srv/data tmpfs size=1m,mode=0700 0 0\n"
    settles("mount", state="mounted", opts="size=2m,noexec", **tmpfs)
    assert {"size=2048k", "noexec"} <= options("/srv/data")
    settles("mount", state="unmounted", path="/srv/data")
    assert not mounted("/srv/data") and "/srv/data" in Path("/etc/fstab").read_text()
    settles("mount", state="mounted", opts="size=2m,noexec", **tmpfs)
    assert ok("mount", state="remounted", path="/srv/data", opts="ro")["changed"] and "ro" in options("/srv/data")
    settles("mount", state="absent", path="/srv/data")
    assert not Path("/srv/data").exists() and Path("/etc/fstab").read_text() == "# ours\n"


@inside
def test_what_cannot_be_mounted_is_not_written() -> None:
    Path("/etc/fstab").write_text("# ours\n")
    failed = run("mount", state="mounted", path="/srv/x", src="/dev/no-such", fstype="ext4")
    assert failed["failed"] and "cannot mount /srv/x" in failed["msg"] and Path("/etc/fstab").read_text() == "# ours\n"


    hidden = run("mount", state="mounted", path="/srv/x", src="tmpfs", fstype="tmpfs", opts="password=hush", opts_no_log=True)
    assert hidden["failed"] and "hush" not in str(hidden)


@inside
def test_ephemeral_and_bind() -> None:
    tmpfs = {"path": "/srv/t", "src": "tmpfs", "fstype": "tmpfs", "state": "ephemeral"}
    settles("mount", opts="size=1m", **tmpfs)
    settles("mount", opts="size=3m", **tmpfs)
    assert "size=3072k" in options("/srv/t") and "/srv/t" not in Path("/etc/fstab").read_text()
    other = run("mount", **{**tmpfs, "src": "other"})
    assert other["failed"] and "mounted on /srv/t already" in other["msg"]
    Path("/srv/src/deep").mkdir(parents=True)
    settles("mount", path="/srv/dst", src="/srv/src", fstype="none", opts="bind", state="ephemeral")
    assert Path("/srv/dst/deep").is_dir()
    settles("mount", path="/srv/dst", src="/srv/src", fstype="none", opts="bind", state="mounted")
    settles("mount", path="/srv/dst", src="/srv/src", fstype="none", opts="bind,ro", state="mounted")
    assert "ro" in options("/srv/dst")

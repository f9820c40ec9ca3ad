"""Ignition's configuration, against its specification: no guest of these tests reads one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.errors import VirtError
from fleet.virt import ignition

GOOD: dict[str, Any] = {
    "ignition": {"version": "3.4.0", "config": {"merge": [{"source": "https://x/y.ign", "verification": {"hash": "sha256-0"}}]}},
    "storage": {"files": [{"path": "/etc/hostname", "mode": 420, "overwrite": True, "contents": {"source": "data:,web1"}, "user": {"name": "core"}}],
                "directories": [{"path": "/srv/a", "mode": 0o755}], "links": [{"path": "/etc/localtime", "target": "../usr/share/zoneinfo/UTC"}],
                "disks": [{"device": "/dev/vdb", "wipeTable": True, "partitions": [{"label": "data", "number": 0}]}],
                "filesystems": [{"device": "/dev/disk/by-partlabel/data", "format": "xfs", "path": "/data", "mountOptions": ["noatime"]}],
                "luks": [{"name": "d", "device": "/dev/vdc", "clevis": {"tpm2": True}}]},
    "systemd": {"units": [{"name": "a.service", "enabled": True, "contents": "[Unit]\n", "dropins": [{"name": "10.conf", "contents": ""}]}]},
    "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 A"], "groups": ["sudo"], "uid": None}], "groups": [{"name": "g", "gid": 5}]},
    "kernelArguments": {"shouldExist": ["quiet"]},
}


def test_what_is_right_is_given_on() -> None:
    assert json.loads(ignition.text(GOOD)) == GOOD
    text = json.dumps(GOOD, indent=2)
    assert ignition.text(text) == text
    legacy = {"ignition": {"version": "2.3.0"}, "networkd": {"units": []}}
    assert json.loads(ignition.text(legacy)) == legacy


@pytest.mark.parametrize(("given", "words"), [
    ("variant: fcos", "no JSON"), ([], "needs ignition.version"), ({"storage": {}}, "needs ignition.version"),
    ({"ignition": {"version": "3.4"}}, "not '3.4'"), ({"ignition": {"version": "4.0.0"}}, "not '4.0.0'"),
    ({**GOOD, "files": []}, "it has no field 'files'"),
    ({**GOOD, "storage": {"files": [{"mode": 420}]}}, r"storage.files\[0\] needs 'path'"),
    ({**GOOD, "storage": {"files": [{"path": "etc/x"}]}}, r"storage.files\[0\].path is absolute"),
    ({**GOOD, "storage": {"files": [{"path": "/x", "mode": "0644"}]}}, r"storage.files\[0\].mode is a whole number, not '0644'"),
    ({**GOOD, "storage": {"files": [{"path": "/x", "mode": 64400}]}}, "from 0 to 4095"),
    ({**GOOD, "storage": {"files": [{"path": "/x"}], "links": [{"path": "/x"}]}}, "/x is there twice"),
    ({**GOOD, "storage": {"files": {"path": "/x"}}}, "storage.files is a list"),
    ({**GOOD, "systemd": {"units": [{"name": "a.service", "enable": True}]}}, r"systemd.units\[0\] has no field 'enable'"),
    ({**GOOD, "systemd": {"units": [{"name": "a.service", "enabled": 1}]}}, "true or false, not 1"),
    ({**GOOD, "passwd": {"users": ["core"]}}, r"passwd.users\[0\] is a mapping"),
])
def test_what_ignition_could_not_read(given: Any, words: str) -> None:
    with pytest.raises(VirtError, match=words):
        ignition.text(given)

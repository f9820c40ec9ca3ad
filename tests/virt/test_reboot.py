"""A guest rebooted for real in the middle of a play."""

from __future__ import annotations

import pytest

from tests.engine.harness import Site
from tests.virt.conftest import Machine

pytestmark = [pytest.mark.virt, pytest.mark.timeout(600)]


def test_reboot(site: Site, fresh_guest: Machine) -> None:
    before = fresh_guest.sh("cat /proc/sys/kernel/random/boot_id")
    seen = site.run("""
        - hosts: g1
          gather_facts: false
          tasks:
            - copy: {content: "kept\\n", dest: /root/kept}
              notify: Told
            - reboot: {reboot_timeout: 300}
            - command: cat /root/kept
              register: kept
            - debug: {msg: "{{ kept.stdout }}"}
          handlers:
            - name: Told
              debug: {msg: handlers are kept}
        """)
    assert seen.messages("g1") == ["kept", "handlers are kept"], seen.results("g1")[-1].result
    assert fresh_guest.sh("cat /proc/sys/kernel/random/boot_id") != before

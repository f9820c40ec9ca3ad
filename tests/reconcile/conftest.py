from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.harness import Site

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Page
      copy: {content: "{{ greeting | default('hello') }}\\n", dest: "{{ playbook_dir }}/{{ inventory_hostname }}.txt", mode: "0600"}
      notify: Reload
    - name: Folders
      file: {path: "{{ playbook_dir }}/{{ inventory_hostname }}-{{ item }}", state: directory}
      loop: [x, y]
  handlers:
    - name: Reload
      command: "true"
"""
TOML = """
inventory = ["hosts"]

[[reconcile]]
name = "site"
playbook = "play.yml"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A project of two hosts with one entry, in the current directory; its state is in a folder of its own."""
    place = tmp_path / "project"
    place.mkdir()
    site = Site(place)
    site.write("hosts", "a ansible_connection=local\nb ansible_connection=local\n")
    site.write("play.yml", PLAY)
    site.write("fleet.toml", TOML)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return site

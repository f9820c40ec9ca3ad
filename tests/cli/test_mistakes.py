"""The commonest mistakes: one message that names what and where, what to do, and the right status. Never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fleet.cli import run
from fleet.connection.base import Secret
from fleet.vault import Vault

Capture = pytest.CaptureFixture[str]
OK = "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: Say\n      debug: {msg: hi}\n      tags: [talk]\n"
FILES = {
    "hosts": "a ansible_connection=local\n[web]\na\n",
    "ok.yml": OK,
    "bad.yml": "- hosts: all\n  tasks:\n    - debug: {msg: hi\n    - ping:\n",
    "tab.yml": "- hosts: all\n  tasks:\n\t- ping:\n",
    "module.yml": "- hosts: all\n  tasks:\n    - coppy: {src: a, dest: b}\n",
    "option.yml": "- hosts: all\n  tasks:\n    - copy: {src: a, dets: b}\n",
    "role.yml": "- hosts: all\n  roles: [webserver]\n",
    "undefined.yml": OK.replace("hi", "'{{ greting }}'").replace("- hosts: all\n", "- hosts: all\n  vars: {greeting: hi}\n"),
    "nohost.yml": OK.replace("all", "wbe"),
    "include.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: nowhere.yml\n",
    "source.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {src: nowhere.txt, dest: /tmp/x}\n",
    "jinja.yml": OK.replace("hi", "'{{ a b }}'"),
    "vault.yml": OK.replace("- hosts: all\n", "- hosts: all\n  vars_files: [secret.yml]\n"),
    "unknown/fleet.toml": "forks = 5\nforsk = 3\n", "unknown/ok.yml": OK,
    "kind/fleet.toml": "# ours\nforks = 'many'\n", "kind/ok.yml": OK,
    "toml/fleet.toml": "forks = 5\ninventory = [hosts]\n", "toml/ok.yml": OK,
    "syntax.py": "from fleet import Host, play\n\n@play(hosts='all')\ndef x(t: Host) -> None\n    t.ping()\n",
    "noplay.py": "x = 1\n",
    "program": "#!/bin/sh\necho oops >&2; exit 3\n",
    "password": "right\n", "other": "wrong\n", "empty": "",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "secret.yml").write_text(Vault([("default", Secret("right"))]).encrypt(b"x: 1\n"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


# command line -> status, and what is said (stdout and stderr together), each line as it begins
CASES = [
    ("apply", 1, ["error: PLAYBOOK is missing", "  see `fleet apply --help`"]),
    ("apply none.yml", 1, ["error: none.yml is no playbook: there is no such file"]),
    ("apply .", 1, ["error: . is a directory, not a playbook"]),
    ("apply -i hosts bad.yml", 1, ["error: bad.yml:4:11: bad YAML: ", "      - ping:"]),
    ("apply -i hosts tab.yml", 1, ["error: tab.yml:3:1: bad YAML: ", "  YAML is indented with spaces; this line holds a tab"]),
    ("apply -i hosts module.yml", 1, ["error: module.yml:3:7: there is no module or keyword 'coppy'", "      - coppy: {src: a, dest: b}", "        ^",
                                      "  did you mean 'copy'?"]),
    ("apply -i hosts option.yml", 1, ["error: option.yml:3:22: copy has no option 'dets'", "  did you mean 'dest'?"]),
    ("apply -i hosts role.yml", 1, ["error: role.yml:2:11: there is no role 'webserver'", "  looked in: roles, "]),
    ("apply -i hosts undefined.yml", 2, ["    a: failed:", "      undefined.yml:6:15: 'greting' is undefined", "        did you mean 'greeting'?",
                                         "  1 failed of 1 host  "]),
    ("apply -i hosts nohost.yml", 0, ["warning: no host or group is called 'wbe'; did you mean 'web'?", "warning: nohost.yml:1:3: no host matches 'wbe'"]),
    ("apply -i hosts include.yml", 2, ["      include.yml:4:7: there is no tasks file 'nowhere.yml'", "        looked for: "]),
    ("apply -i hosts source.yml", 2, ["      could not find or access 'nowhere.txt' on the controller", "      at source.yml:4:7"]),
    ("apply -i hosts jinja.yml", 2, ["      jinja.yml:5:15: Syntax error in template: expected token 'end of print statement', got 'b'"]),
    ("apply -i hosts vault.yml", 1, ["error: {here}/secret.yml: this file is vault-encrypted and no vault password was given",
                                     "  use --vault-password-file or --ask-vault-pass"]),
    ("apply -i hosts --vault-password-file other vault.yml", 1, ["error: {here}/secret.yml: no vault password given decrypts this (its vault id is 'default')"]),
    ("apply -i hosts --vault-password-file none vault.yml", 1, ["error: cannot read the vault password file none: No such file or directory"]),
    ("apply -i hosts --vault-password-file empty vault.yml", 1, ["error: the vault password from empty is empty"]),
    ("apply -i nowhere ok.yml", 1, ["error: there is no inventory nowhere", "  give a file, a directory, or a list of hosts with a comma: 'web1,'"]),
    ("apply ok.yml", 0, ["warning: ok.yml:1:3: no host matches 'all'", "  the inventory has no hosts: name one with -i, or with `inventory` in fleet.toml"]),
    ("apply -i hosts -l wbe ok.yml", 1, ["error: --limit wbe: no such host", "  no host or group is called 'wbe'; did you mean 'web'?"]),
    ("apply -i hosts -l web:!a ok.yml", 1, ["error: --limit web:!a: no such host"]),
    ("apply -i hosts --chek ok.yml", 1, ["error: there is no option '--chek'; did you mean '--check'?", "  see `fleet apply --help`"]),
    ("apply -i hosts --forks many ok.yml", 1, ["error: --forks: 'many' is not a valid integer"]),
    ("apply -i hosts -e greeting ok.yml", 1, ["error: -e greeting: 'greeting' is not NAME=VALUE"]),
    ("apply -i hosts -e @none.yml ok.yml", 1, ["error: there is no variables file none.yml"]),
    ("apply -i hosts -t tlak ok.yml", 0, ["warning: no task has the tag tlak; nothing was done", "  --list-tags shows the tags there are"]),
    ("apply -i hosts --start-at-task Sya ok.yml", 0, ["warning: no task is called 'Sya'; nothing was done"]),
    ("apply -i hosts unknown/ok.yml", 1, ["error: {here}/unknown/fleet.toml:2:1: there is no setting 'forsk'", "  did you mean 'forks'?"]),
    ("apply -i hosts kind/ok.yml", 1, ["error: {here}/kind/fleet.toml:2:1: forks takes a whole number, not 'many'"]),
    ("apply -i hosts toml/ok.yml", 1, ["error: {here}/toml/fleet.toml:2:14: bad TOML: Invalid value", "  inventory = [hosts]"]),
    ("apply -i hosts syntax.py", 1, ["error: {here}/syntax.py:4:23: Python cannot read it: expected ':'"]),
    ("apply -i hosts noplay.py", 1, ["error: {here}/noplay.py:1: there is no play in this file", "  decorate a function with @play(hosts=...)"]),
    ("apply -i program ok.yml", 1, ["error: program: the inventory program ended with status 3: oops"]),
    ("apply -i hosts --become-method pbrun ok.yml", 1, ["error: --become-method: 'pbrun' is not one of 'sudo', 'su', 'doas'"]),
    ("apply -i hosts --private-key none ok.yml", 1, ["error: there is no private key none"]),
    ("lab up many", 1, ["error: COUNT: 'many' is not a valid integer range"]),
    ("vault view ok.yml --vault-password-file password", 1, ["error: ok.yml is not encrypted"]),
    ("vault view secret.yml", 1, ["error: no vault password was given", "  use --vault-password-file, --vault-id or --ask-vault-pass"]),
    ("aply ok.yml", 1, ["error: there is no command 'aply'; did you mean 'apply'?"]),
    ("run -i hosts wbe -m ping", 0, ["warning: no host or group is called 'wbe'; did you mean 'web'?"]),
    ("run -i hosts web -m pingg", 1, ["error: there is no module 'pingg'", "  did you mean 'ping'?"]),
    ("run -i hosts web -m copy -a dst=/x", 1, ["error: command line: copy has no option 'dst'", "  did you mean 'dest'?"]),
    ("run -i hosts web -m file -a state=touch", 1, ["error: command line: file needs the option 'path'"]),
    ("doc coppy", 1, ["error: there is no module 'coppy'", "  did you mean 'copy'?"]),
    ("history", 1, ["error: there is no journal yet"]),
    ("inventory -i hosts --host b", 1, ["error: there is no host 'b'"]),
    ("reconcile", 1, ["error: there is nothing to reconcile", "  write a [[reconcile]] entry with name and playbook into fleet.toml"]),
]


@pytest.mark.parametrize(("line", "status", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_a_mistake(project: Path, capsys: Capture, line: str, status: int, wanted: list[str]) -> None:
    assert run(line.split()) == status
    out, err = capsys.readouterr()
    said = (out + err).splitlines()
    for begin in wanted:
        assert any(each.startswith(begin.replace("{here}", str(project))) for each in said), out + err
    assert "Traceback" not in out + err
    if status == 1:
        assert err.startswith("error: ") and len(err.splitlines()) <= 5, "one message"


def test_what_was_asked_for_in_vain_is_not_said_when_something_ran(project: Path, capsys: Capture) -> None:
    assert run(["apply", "-i", "hosts", "-t", "talk,tlak", "ok.yml"]) == 0
    assert run(["apply", "-i", "hosts", "--start-at-task", "Say", "ok.yml"]) == 0
    assert "nothing was done" not in capsys.readouterr().out


def test_a_password_is_not_read_from_anywhere_else(project: Path) -> None:
    done = subprocess.run(["setsid", "-w", sys.executable, "-m", "fleet", "apply", "-K", "-i", "hosts", "ok.yml"], input="pw\n", capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: there is no terminal to ask for the BECOME password\n  use --become-password-file"), done


def test_only_json_goes_to_stdout(project: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "fleet", "apply", "--format", "json", "-i", "hosts", "bad.yml"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("error: bad.yml:4:11")


def test_passwords_from_files_of_the_settings(project: Path, capsys: Capture) -> None:
    (project / "fleet.toml").write_text('become_password_file = "none"\ninventory = ["hosts"]\n')
    assert run(["apply", "ok.yml"]) == 1
    assert capsys.readouterr().err == f"error: cannot read the password file {project}/none: No such file or directory\n"
    assert run(["apply", "--become-password-file", "password", "ok.yml"]) == 0

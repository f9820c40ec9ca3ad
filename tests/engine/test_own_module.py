"""Modules of people's own: library/ of a playbook or role, run by the real runner."""

from __future__ import annotations

import textwrap

import pytest

from fleet.errors import FleetError
from tests.engine.harness import Seen, Site

QUOTA = """
    #!/usr/bin/python
    from ansible.module_utils.basic import AnsibleModule, env_fallback
    from ansible.module_utils.common.text.converters import to_native
    from ansible.module_utils.mine import twice
    import ansible.module_utils.pack.deep as deep

    def main():
        module = AnsibleModule(
            argument_spec=dict(
                user=dict(type="str", required=True, aliases=["name"]), soft=dict(type="int", default=5), size=dict(type="bytes"),
                state=dict(choices=["present", "absent"], default="present"), password=dict(no_log=True), quick=dict(type="bool"),
                many=dict(type="list", elements="int"), inner=dict(type="dict", options=dict(a=dict(type="int", required=True))),
                place=dict(fallback=(env_fallback, ["TEST_OWN_PLACE"]))),
            mutually_exclusive=[["quick", "size"]], required_if=[("state", "absent", ["many"])], supports_check_mode=True)
        p = module.params
        if p["user"] == "crash":
            raise RuntimeError("on purpose")
        if p["user"] == "silent":
            return
        if p["user"] == "bad":
            module.fail_json(msg="no such user", looked=3)
        rc, out, err = module.run_command(["echo", p["user"]], check_rc=True)
        module.warn("watch out")
        module.exit_json(changed=p["state"] == "present", out=to_native(out).strip(), twice=twice(p["soft"]), deep=deep.VALUE, check=module.check_mode,
                         pw="is %s" % p["password"], given=p, ansible_facts={"quota_user": p["user"], "secret": "stolen"})

    if __name__ == "__main__":
        main()
"""
BLIND = "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json(changed=True)\n"
SHELL = "#!/bin/sh\n. \"$1\"\necho '{\"changed\": true, \"msg\": \"hello '\"$who\"'\"}'\n"
WANTS = "#!/bin/sh\n# WANT_JSON\nprintf '{\"sent\": '; cat \"$1\"; echo '}'\n"


@pytest.fixture
def own(site: Site) -> Site:
    site.write("group_vars/all.yml", "secret: kept\nu: web\nall_of_it: {user: web, soft: 2}\n")
    site.write("library/quota.py", QUOTA)
    site.write("library/blind.py", BLIND)
    site.write("library/greet", SHELL)
    site.write("library/wants.sh", WANTS)
    site.write("library/ping.py", "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json(ping='mine')\n")
    site.write("module_utils/mine.py", "def twice(n):\n    return n * 2\n")
    site.write("module_utils/pack/__init__.py", "")
    site.write("module_utils/pack/deep.py", "VALUE = 'deep'\n")
    return site


def run(site: Site, tasks: str, check: bool = False) -> Seen:
    return site.run("- hosts: a\n  gather_facts: false\n  tasks:\n" + textwrap.indent(textwrap.dedent(tasks), "    "), check=check)


@pytest.mark.parametrize(("task", "wanted"), [
    ("quota: {user: '{{ u }}', soft: '7'}", {"changed": True, "out": "web", "twice": 14, "deep": "deep", "check": False, "warnings": ["watch out"]}),
    ("quota: name=web soft=3", {"twice": 6}),
    ("quota: '{{ all_of_it }}'", {"twice": 4, "out": "web"}),
    ("quota: {user: web}\n  args: {soft: 4}", {"twice": 8}),
    ("action: quota user=web", {"out": "web"}),
    ("own_module: {file: quota.py, options: {user: web}}", {"out": "web"}),
    ("quota: {user: web, state: absent, many: '1,2'}", {"changed": False}),
    ("quota: {user: web, password: hush}", {"pw": "is ********"}),
    ("greet: who=me", {"changed": True, "msg": "hello me"}),
    ("wants: {a: [1, 2]}", {"changed": False, "sent": {"a": [1, 2]}}),
    ("ping:", {"ping": "mine"}),
    ("ansible.builtin.ping:", {"ping": "pong"}),
])
def test_what_it_returns(own: Site, task: str, wanted: dict[str, object]) -> None:
    seen = run(own, f"- {task}\n")
    result = seen.results("a")[0].result
    assert seen.status == 0, result
    assert {key: result.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(("task", "message"), [
    ("quota: {user: bad}", "no such user"),
    ("quota: {usr: web}", "there is no option 'usr'; there are: inner,"),
    ("quota: {soft: 1}", "missing required arguments: user"),
    ("quota: {user: web, soft: many}", "argument 'soft' cannot be read as int: 'many'"),
    ("quota: {user: web, state: gone}", "value of state must be one of: present, absent, got: gone"),
    ("quota: {user: web, inner: {a: x}}", "argument 'a' of inner cannot be read as int: 'x'"),
    ("quota: {user: web, quick: true, size: 1K}", "parameters are mutually exclusive: quick|size"),
    ("quota: {user: web, state: absent}", "state is absent but all of the following are missing: many"),
    ("quota: {user: crash}", "the module gave no result: RuntimeError: on purpose"),
    ("quota: {user: silent}", "the module gave no result"),
])
def test_failures(own: Site, task: str, message: str) -> None:
    seen = run(own, f"- {task}\n")
    assert seen.status == 2 and message in seen.results("a")[0].result["msg"]


def test_values_are_read_as_declared(own: Site) -> None:
    given = run(own, "- quota: {user: 5, size: 2K, many: '1,2', inner: 'a=1'}\n").results("a")[0].result["given"]
    assert (given["user"], given["size"], given["many"], given["inner"], given["quick"], given["place"]) == ("5", 2048, [1, 2], {"a": 1}, None, None)


def test_check_is_its_own_word_or_none(own: Site) -> None:
    seen = run(own, "- quota: {user: web}\n- blind: {}\n- greet: who=me\n", check=True)
    asked, *unasked = [event.result for event in seen.results("a")]
    assert asked["check"] is True and asked["changed"]
    assert all(result["skipped"] and result["unpredicted"] for result in unasked)


def test_its_facts_are_variables_but_replace_none(own: Site) -> None:
    seen = run(own, "- quota: {user: web}\n- debug: {msg: '{{ quota_user }} {{ ansible_facts.quota_user }} {{ secret }}'}\n")
    assert seen.messages() == ["web web kept"]


def test_a_role_brings_its_own_and_a_collection_is_found(site: Site) -> None:
    site.write("roles/r/library/inner.py", BLIND)
    site.write("roles/r/tasks/main.yml", "- inner: {}\n")
    site.write("collections/ansible_collections/acme/web/plugins/modules/shop.py", BLIND)
    seen = site.run("- hosts: a\n  gather_facts: false\n  roles: [r]\n  tasks:\n    - acme.web.shop: {}\n")
    assert seen.trail() == ["inner changed", "shop changed"]


def test_the_setting_library(site: Site) -> None:
    site.write("elsewhere/inner.py", BLIND)
    site.write("fleet.toml", "library = ['elsewhere']\n")
    assert run(site, "- inner:\n").trail() == ["inner changed"]


@pytest.mark.parametrize(("task", "message"), [
    ("quota: [a]", "'quota' takes a mapping of options, not a list"),
    ("quota: just text", "'quota' takes options, not the text"),
    ("quotta: {user: web}", "there is no module or keyword 'quotta'"),
    ("{quota: {user: web}, command: ls}", "this task has two actions"),
])
def test_mistakes_are_found_first(own: Site, task: str, message: str) -> None:
    with pytest.raises(FleetError, match=message):
        run(own, f"- {task}\n")


@pytest.mark.parametrize(("source", "message"), [
    ("def broken(:\n", "Python cannot read it"),
    ("from ansible.module_utils.urls import open_url\n", "No module named 'ansible"),
])
def test_what_cannot_be_loaded_is_said(site: Site, source: str, message: str) -> None:
    site.write("library/bad.py", source)
    seen = run(site, "- bad: {}\n")
    assert seen.status == 2 and message in seen.results("a")[0].result["msg"]

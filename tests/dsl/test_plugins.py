"""filter_plugins/, test_plugins/ and lookup_plugins/ of people's own."""

from __future__ import annotations

import sys

import pytest

from fleet.errors import FleetError
from tests.engine.harness import Site

PLUGIN = """
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.text.converters import to_text
from jinja2 import pass_context

def shout(value, times=1):
    if not isinstance(value, str):
        raise AnsibleFilterError(f"shout takes text, not {type(value).__name__}")
    return to_text(value).upper() + "!" * times

@pass_context
def at(context, value):
    return f"{value}@{context.resolve('inventory_hostname')}"

class FilterModule(object):
    def filters(self):
        return {"shout": shout, "at": at, "kinds": lambda value: [type(each).__name__ for each in (value, *value.values())], "evil": lambda value: "{{ secret }}"}
"""
TESTS = "class TestModule:\n    def tests(self):\n        return {'loud': lambda value: value.isupper()}\n"
LOOKUP = """
DOCUMENTATION = '''
options:
  word: {default: none, env: [{name: TEST_PLUGINS_WORD}]}
'''
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

Display().vvv("quiet")

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        if terms == ["no"]:
            raise AnsibleError("it does not want to")
        return [f"{term} {self.get_option('word')} {variables['q']}" for term in self._flatten(terms)]
"""
VARS = "q: hi\nd: {a: '{{ q }}', b: [1, '{{ q }}']}\nsecret: told\n"


@pytest.fixture
def own(site: Site) -> Site:
    """A playbook's directory with both, and a role with a filter of its own."""
    site.write("group_vars/all.yml", VARS)
    site.write("filter_plugins/mine.py", PLUGIN)
    site.write("filter_plugins/_helper.py", "raise RuntimeError('not a plugin')\n")
    site.write("test_plugins/mine.py", TESTS)
    site.write("lookup_plugins/tell.py", LOOKUP)
    site.write("roles/r/filter_plugins/r.py", "class FilterModule:\n    def filters(self):\n        return {'double': lambda value: value * 2}\n")
    site.write("roles/r/tasks/main.yml", "- debug: {msg: \"{{ 4 | double }} {{ q | shout is loud }}\"}\n")
    return site


def said(site: Site, expression: str) -> object:
    seen = site.run(f"- hosts: a\n  gather_facts: false\n  tasks:\n    - debug: {{msg: \"{expression}\"}}\n")
    return seen.messages()[0] if seen.status == 0 else seen.results("a")[0].result["msg"]


@pytest.mark.parametrize(("expression", "wanted"), [
    ("{{ q | shout(2) }}", "HI!!"),
    ("{{ q | at }}", "hi@a"),
    ("{{ (q | shout) is loud }}", True),
    ("{{ d | kinds }}", ["dict", "str", "list"]),
    ("{{ q | evil }}", "{{ secret }}"),
    ("{{ lookup('tell', 'a') }}", "a none hi"),
    ("{{ query('tell', ['a', 'b'], word=q) }}", ["a hi hi", "b hi hi"]),
])
def test_called_with_plain_data(own: Site, expression: str, wanted: object) -> None:
    assert said(own, expression) == wanted


def test_what_fails_is_named(own: Site) -> None:
    text = str(said(own, "{{ 5 | shout }}"))
    assert "'shout' of " in text and "filter_plugins/mine.py failed: shout takes text, not int" in text
    text = str(said(own, "{{ lookup('tell', 'no') }}"))
    assert "'tell' of " in text and "lookup_plugins/tell.py failed: it does not want to" in text


def test_a_loop_by_it(own: Site) -> None:
    seen = own.run("- hosts: a\n  gather_facts: false\n  tasks:\n    - debug: {msg: '{{ item }}'}\n      with_tell: [a, b]\n")
    assert seen.messages() == ["a none hi", "b none hi"]


@pytest.mark.parametrize("use", ["roles: [r]", "tasks: [{include_role: {name: r}}]", "tasks: [{import_role: {name: r}}]"])
def test_a_role_brings_its_own(own: Site, use: str) -> None:
    assert own.run(f"- hosts: a\n  gather_facts: false\n  {use}\n").messages() == ["8 True"]


def test_a_playbook_in_python_and_a_template_file_have_them(own: Site) -> None:
    own.write("t.j2", "{{ q | shout }}\n")
    own.run("from fleet import Host, play\n\n@play(hosts='a', gather_facts=False)\ndef it(t: Host) -> None:\n"
            f"    t.template('t.j2', dest='{own.path}/out')\n", name="play.py")
    assert (own.path / "out").read_text() == "HI!\n"


def test_directories_of_the_settings(site: Site) -> None:
    site.write("elsewhere/mine.py", PLUGIN)
    site.write("group_vars/all.yml", VARS)
    site.write("fleet.toml", "filter_plugins = ['elsewhere']\n")
    assert said(site, "{{ q | shout }}") == "HI!"


@pytest.mark.parametrize(("text", "message"), [
    ("def broken(:\n", "Python cannot read it"),
    ("import no_such_thing\n", "No module named 'no_such_thing'"),
    ("from ansible.plugins.filter.core import combine\n", "No module named 'ansible.plugins.filter'"),
    ("x = 1\n", "there is no class FilterModule"),
    ("class FilterModule:\n    pass\n", "gives no functions by name"),
    ("class FilterModule:\n    def filters(self):\n        return {'a': 1}\n", "'a' is no function"),
])
def test_mistakes_are_found_first(site: Site, text: str, message: str) -> None:
    site.write("filter_plugins/bad.py", text)
    with pytest.raises(FleetError, match=message) as error:
        site.run("- hosts: a\n  tasks: []\n")
    assert "filter_plugins/bad.py" in error.value.render()


def test_nothing_of_ansible_stays(own: Site) -> None:
    said(own, "{{ q | shout }}")
    assert not [name for name in sys.modules if name == "ansible" or name.startswith("ansible.")]

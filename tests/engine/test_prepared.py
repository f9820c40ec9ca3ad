"""What the engine prepares once must be what it would find each time."""

import re
from pathlib import Path

import pytest

from fleet import registry
from fleet.engine import endpoints
from fleet.errors import ArgumentError
from fleet.validate import Partial, validate
from tests.engine.harness import Site


def test_endpoints_are_told_apart_by_every_variable_and_keyword_they_are_made_of() -> None:
    text = Path(endpoints.__file__).read_text()
    named = {name for call in re.findall(r"first\(([^)]*)\)", text) for name in re.findall(r"\"(\w+)\"", call)}
    assert named and named <= endpoints.VARIABLES
    asked = set(re.findall(r"keyword\(\"(\w+)\"\)", text)) - {"become_password", "connection_password"}  # the run's own
    assert asked == set(endpoints.KEYWORDS)


CASES = [
    ("file", {"path": "/a", "state": "directory"}, {"mode": "0755"}),
    ("file", {"dest": "/a"}, {"state": "absent", "recurse": None}),
    ("file", {}, {"name": "/a"}),
    ("command", {"chdir": "/"}, {"_raw": "ls -l"}),
    ("set_fact", {"a": 1}, {"b": [2]}),
]


@pytest.mark.parametrize(("module", "known", "later"), CASES)
def test_arguments_in_two_steps_are_those_in_one(module: str, known: dict, later: dict) -> None:
    spec = registry.spec(module)
    if "_raw" in later:
        later = {spec.free_form: later["_raw"]}
    partial = Partial(spec, known, list(later))
    assert partial.complete(later) == validate(spec, {**known, **later})
    assert partial.complete(later) == partial.complete(later)


WRONG = [
    ("file", {"state": "directory"}, {"path": None}),
    ("file", {"path": "/a"}, {"state": "nonsense"}),
    ("copy", {"dest": "/a", "src": "b"}, {"content": "c"}),
    ("lineinfile", {"path": "/a", "line": "x"}, {"insertafter": "a", "insertbefore": "b"}),
]


@pytest.mark.parametrize(("module", "known", "later"), WRONG)
def test_what_is_wrong_is_said_the_same(module: str, known: dict, later: dict) -> None:
    spec = registry.spec(module)
    with pytest.raises(ArgumentError) as whole:
        validate(spec, {**known, **later})
    with pytest.raises(ArgumentError) as halves:
        Partial(spec, known, list(later)).complete(later)
    assert str(halves.value) == str(whole.value)


def test_a_connection_variable_that_changes_changes_the_endpoint(site: Site) -> None:
    """Templates, loop items and set_fact reach the endpoint of each task anew."""
    seen = site.run("""
        - hosts: a
          gather_facts: false
          tasks:
            - ping:
              vars: {ansible_connection: "{{ item }}"}
              loop: [local, other]
              ignore_errors: true
              register: each
            - debug: {msg: "{{ each.results | map(attribute='failed') | list }}"}
            - ping:
            - ping:
              vars: {ansible_connection: strange}
              ignore_errors: true
              register: fixed
            - ping:
            - debug: {msg: "{{ fixed.msg }}"}
            - set_fact: {ansible_python_interpreter: /nowhere/python}
            - ping:
        """)
    messages = seen.messages()
    assert messages[1] == [False, True]
    assert "the connection 'strange' is not supported" in messages[2]
    assert seen.status == 4, "set_fact named another interpreter"

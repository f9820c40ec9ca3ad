"""Templates: each case is variables, a template and what it must give."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.errors import TemplateError, UndefinedError
from fleet.template import OMIT, Templar, Variables
from fleet.trust import Unsafe, is_written, trust, trust_str

TEMPLAR = Templar()
VARS: dict[str, Any] = trust({
    "one": 1, "text": "hi", "items_": [3, 1, 2], "people": [{"name": "ann", "age": 3}, {"name": "bob", "age": 5}], "nothing": None, "yes": True,
    "lazy": "{{ one + 1 }}", "chain": "{{ lazy }}!", "nested": {"a": "{{ text }}", "items": 7}, "loop_a": "{{ loop_b }}", "loop_b": "{{ loop_a }}",
})
VARS["from_target"] = "{{ one }}"


def variables(**more: Any) -> Variables:
    return Variables(TEMPLAR, [VARS, more])


@pytest.mark.parametrize(("template", "wanted"), [
    ("{{ one }}", 1), ("{{ items_ }}", [3, 1, 2]), ("x{{ one }}", "x1"), ("{{ lazy }}", 2), ("{{ chain }}", "2!"), ("{{ nested.a }}", "hi"),
    ("{{ nested.items }}", 7), ("{{ nothing }}", None), ("a{{ nothing }}b", "ab"), ("{{ from_target }}", "{{ one }}"), ("plain", "plain"),
    ("{{ omit }}", OMIT), ("{{ missing | default('d') }}", "d"), ("{{ missing.deep.er | default('d') }}", "d"), ("{{ '1' }}", "1"),
    ("{{ items_ | sort | join(',') }}", "1,2,3"), ("{{ people | map(attribute='name') | list }}", ["ann", "bob"]),
    ("{{ people | selectattr('age', '>', 4) | map(attribute='name') | first }}", "bob"), ("{{ [1, [2, [3]]] | flatten }}", [1, 2, 3]),
    ("{{ {'a': 1} | combine({'b': 2}) }}", {"a": 1, "b": 2}), ("{{ {'a': 1} | dict2items }}", [{"key": "a", "value": 1}]),
    ("{{ [{'key': 'a', 'value': 1}] | items2dict }}", {"a": 1}), ("{{ yes | ternary('y', 'n') }}", "y"), ("{{ 'abc' | regex_replace('b(.)', '\\1') }}", "ac"),
    ("{{ 'foo=1' | regex_search('=(.)', '\\1') }}", ["1"]), ("{{ {'b': [1]} | to_json }}", '{"b": [1]}'), ("{{ '{\"a\": 1}' | from_json }}", {"a": 1}),
    ("{{ 'a: 1' | from_yaml }}", {"a": 1}), ("{{ 'hi' | b64encode }}", "aGk="), ("{{ 'aGk=' | b64decode }}", "hi"), ("{{ 'yes' | bool }}", True),
    ("{{ '5' | int + 1 }}", 6), ("{{ [1, 2] | union([2, 3]) }}", [1, 2, 3]), ("{{ [1, 2] | difference([2]) }}", [1]), ("{{ 'a b' | quote }}", "'a b'"),
    ("{{ '/a/b.c' | basename }}", "b.c"), ("{{ 'x' | hash('sha256') | length }}", 64), ("{{ [1, 2] | zip(['a', 'b']) | list }}", [[1, "a"], [2, "b"]]),
    ("{{ '1.10' is version('1.9', '>') }}", True), ("{{ 'abc' is match('a') and 'abc' is search('c') }}", True), ("{{ [1] is subset([1, 2]) }}", True),
    ("{{ lookup('env', 'NO_SUCH_VARIABLE') }}", ""), ("{{ query('sequence', 'start=1 end=3') }}", ["1", "2", "3"]), ("{{ lookup('pipe', 'echo x') }}", "x"),
    ("{{ lookup('vars', 'lazy') }}", 2), ("{{ q('items', [1], [2]) }}", [1, 2]), ("{% set x = 4 %}{{ x }}", 4), ("{% for i in items_ %}{{ i }}{% endfor %}", "312"),
    ("{{ 1024 | human_readable }}", "1.00 KB"), ("{{ '2K' | human_to_bytes }}", 2048), ("{{ range(3) | list }}", [0, 1, 2]),
    ("{{ 'x' | password_hash('sha512', 'salt') }}", "$6$salt$jM2J6vMmZXDuO/SAMtQ0NLjcKVVb6r4cVDqcdTLTiQsCbWdrQVWQL8ZfLXqYZPPz8AYlJTmsMLJI0zRcVtVbM0"),
])
def test_render(template: str, wanted: Any) -> None:
    if "password_hash" in template:
        assert str(TEMPLAR.render(trust_str(template), variables())).startswith("$6$")
        return
    assert TEMPLAR.render(trust_str(template), variables()) == wanted


@pytest.mark.parametrize(("condition", "wanted"), [
    ("one == 1", True), ("text == 'no'", False), (True, True), ("missing is defined", False), ("items_ | length > 2", True), ("not yes", False),
    (trust_str("{{ yes }}"), True), ("yes", True), ("text in ['hi']", True),
])
def test_conditions(condition: Any, wanted: bool) -> None:
    assert TEMPLAR.test(condition, variables()) is wanted


@pytest.mark.parametrize(("template", "error", "words"), [
    ("{{ mising }}", UndefinedError, "mising"), ("x{{ nested.nope }}", UndefinedError, "nope"), ("{{ 1 + }}", TemplateError, "Syntax error"),
    ("{{ loop_a }}", TemplateError, "loop_a -> loop_b"), ("{{ 'x' * 99999999999 }}", TemplateError, "too large"),
    ("{{ range(99999999) | list }}", TemplateError, "too large"), ("{{ ''.__class__.__mro__ }}", TemplateError, "__class__"),
    ("{{ x | nofilter }}", TemplateError, "nofilter"), ("{{ lookup('nope') }}", TemplateError, "was not found"), ("{{ 1 / 0 }}", TemplateError, "zero"),
    ("{{ ('[' * 100000) | from_json }}", TemplateError, "not JSON"), ("{{ ('[' * 100000) | from_yaml }}", TemplateError, "levels deep"),
    ("{{ 'a: [' | from_yaml }}", TemplateError, "from_yaml"),
])
def test_errors(template: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        TEMPLAR.render(trust_str(template), variables())


@pytest.mark.parametrize(("template", "wanted"), [
    ("{{ lookup('list', ['{{ one }}']) }}", [1]), ("{{ lookup('pipe', 'echo {{ text }}') }}", "hi"), ("{{ lookup('dict', {'key': '{{ one }}'}) }}",
    {"key": "key", "value": 1}), ("{{ '{{ one }}' }}", "{{ one }}"), ("{% set a = '{{ 1 }}' %}{{ a }}", "{{ 1 }}"),
    ("{{ lookup('pipe', 'exit 1', errors='ignore') is none }}", True), ("{{ q('pipe', 'exit 1', errors='ignore') }}", []),
])
def test_templates_inside_templates(template: str, wanted: Any) -> None:
    assert TEMPLAR.render(trust_str(template), variables()) == wanted
    assert TEMPLAR.test(trust_str("'{{ text }}' == 'hi'"), variables())


@pytest.mark.parametrize("condition", ["text", "items_", "nothing", "one"])
def test_a_condition_is_true_or_false(condition: str) -> None:
    with pytest.raises(TemplateError, match="not true or false"):
        TEMPLAR.test(condition, variables())


LAZY: dict[str, Any] = trust({
    "top": "{{ middle }}", "middle": "{{ low }}", "low": {"key": "static", "other": {"bad": "{{ nope.x }}"}, "own": "{{ low.key }}!"},
    "rows": ["{{ one }}", {"v": "{{ text }}"}, [1, "{{ one + 1 }}"]], "bad": "{{ nope }}", "worse": "x{{ bad }}", "gone": {"a": 1, "b": "{{ omit }}"},
    "self_": {"a": "{{ self_.b }}", "b": "{{ self_.a }}"},
})


@pytest.mark.parametrize(("template", "wanted"), [
    ("{{ top.key }}", "static"), ("{{ low.own }}", "static!"), ("{{ rows }}", [1, {"v": "hi"}, [1, 2]]), ("{{ rows + [5] }}", [1, {"v": "hi"}, [1, 2], 5]),
    ("{{ [0] + rows }}", [0, 1, {"v": "hi"}, [1, 2]]), ("{{ rows | length }}", 3), ("{{ rows[1].v }} {{ rows[-1] }}", "hi [1, 2]"), ("{{ gone }}", {"a": 1}),
    ("{{ bad | default('d') }}", "d"), ("{{ worse is defined }}", False), ("{{ low | combine({'other': 1}) }}", None),
    ("{{ rows | to_json }}", '[1, {"v": "hi"}, [1, 2]]'), ("{{ low.keys() }}", ["key", "other", "own"]), ("{{ rows[:2] }}", [1, {"v": "hi"}]),
    ("{{ 1 in rows }}", True), ("{{ rows == [1, {'v': 'hi'}, [1, 2]] }}", True), ("{{ {'a': rows} }}", {"a": [1, {"v": "hi"}, [1, 2]]}),
    ("{{ rows | map('string') | length }}", 3), ("{{ [1, omit, 2] }}", [1, 2]), ("{{ low.other is mapping }}", True), ("{{ (1, 2) }}", [1, 2]),
])
def test_containers_are_lazy(template: str, wanted: Any) -> None:
    seen = Variables(TEMPLAR, [VARS, LAZY])
    if wanted is None:
        wanted = {"key": "static", "other": 1, "own": "static!"}
    assert TEMPLAR.render(trust_str(template), seen) == wanted


@pytest.mark.parametrize(("template", "words"), [("{{ top }}", "nope"), ("{{ self_ }}", r"self_.a -> self_.b -> self_.a"), ("{{ worse }}", "nope"),
                                                 ("{{ low.other.bad }}", "nope")])
def test_errors_inside_containers(template: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        TEMPLAR.render(trust_str(template), Variables(TEMPLAR, [VARS, LAZY]))


def test_what_a_template_sets_is_above_variables_in_what_it_includes(tmp_path: Any) -> None:
    (tmp_path / "part.j2").write_text("{{ one }}{{ text }}")
    assert TEMPLAR.render_text("{% set one = 9 %}{% include 'part.j2' %}", variables(), name=str(tmp_path / "t.j2")) == "9hi"
    assert TEMPLAR.render_text("{% for one in [7, 8] %}{% include 'part.j2' %}{% endfor %}", variables(), name=str(tmp_path / "t.j2")) == "7hi8hi"


def test_a_file_keeps_the_newlines_at_its_end() -> None:
    assert TEMPLAR.render_text("{% if yes %}\na\n{% endif %}\n", variables()) == "a\n"
    assert TEMPLAR.render_text("{% if yes %}b{% endif %}\n\n", variables()) == "b\n\n"
    assert TEMPLAR.render_text("a\n{{ one }}\n", variables(), newline_sequence="\\r\\n") == "a\r\n1\r\n"


@pytest.mark.parametrize("template", [
    "{% for i in range(999999) %}{% for j in range(999999) %}{% endfor %}{% endfor %}", "{{ 'x'.center(9999999999) }}", "{{ '%9999999999d' % 1 }}",
    "{{ '{:9999999999}'.format(1) }}", "{{ 9 ** 99999 }}", "{% for i in range(900000) %}{{ 'x' * 100 }}{% endfor %}",
])
def test_bounds(template: str) -> None:
    with pytest.raises(TemplateError, match=r"too large|more than"):
        TEMPLAR.render(trust_str(template), variables())


def test_first_found_passes_over_what_is_undefined(tmp_path: Any) -> None:
    from fleet.template.lookups import run_lookup
    (tmp_path / "here.yml").write_text("")
    terms = trust([{"files": ["{{ nope }}.yml", "here.yml"], "paths": [str(tmp_path)]}])
    assert run_lookup("first_found", terms, variables(), TEMPLAR) == [str(tmp_path / "here.yml")]
    with pytest.raises(TemplateError, match="not 'int'"):
        run_lookup("first_found", [1], variables(), TEMPLAR)


def test_untrusted_conditions_are_refused() -> None:
    with pytest.raises(TemplateError, match="untrusted"):
        TEMPLAR.test(Unsafe("1 == 1"), variables())
    with pytest.raises(TemplateError, match="untrusted"):  # a result's text is never evaluated
        TEMPLAR.test(trust_str("{{ output }}"), variables(output="1 == 1"))


def test_conditions_that_a_person_wrote_may_come_through_a_variable() -> None:
    mine = "".join(["one ", "== 1"])
    trust_str(mine)
    assert TEMPLAR.test(trust_str("{{ mine }}"), variables(mine=mine)) is True
    assert is_written(mine) and not is_written("".join(["one ", "== 1"])) and is_written(trust_str("{{ one }}"))


@pytest.mark.parametrize("terms,options,found", [
    (["4-6"], {}, ["4", "5", "6"]), (["start=1 end=3 format=h%02d"], {}, ["h01", "h02", "h03"]), (["5-1/-2"], {}, ["5", "3", "1"]),
    ([], {"count": 2, "start": 7}, ["7", "8"]), ([], {}, []), (["count=3"], {"stride": 0}, []), (["count=2", "count=2 start=5"], {"start": 0}, ["0", "1", "5", "6"]),
    (["A-4"], {}, "has an invalid value"), (["1-4/C"], {}, "has an invalid value"), (["start=1"], {}, "specify count or end"),
    (["end=4 count=2"], {}, "can't specify both"), (["4-1/2"], {}, "stride negative"), (["1-4/-2"], {}, "stride negative"),
    (["end=4 format=d"], {}, "bad formatting string: d"),
])
def test_sequences(terms: list[str], options: dict[str, Any], found: Any) -> None:
    from fleet.template.lookups import run_lookup
    if isinstance(found, str):
        with pytest.raises(TemplateError, match=found):
            run_lookup("sequence", terms, variables(), TEMPLAR, **options)
    else:
        assert run_lookup("sequence", terms, variables(), TEMPLAR, **options) == found


def test_a_lookups_name_is_no_template() -> None:
    with pytest.raises(TemplateError, match="was not found"):
        TEMPLAR.render(trust_str("""{{ lookup('{{ "env" }}', 'HOME') }}"""), variables())
    assert TEMPLAR.render(trust_str("""{{ lookup('list', 'x{{ one }}') }}"""), variables()) == "x1"


def test_blocks_take_their_newline_with_them() -> None:
    assert TEMPLAR.render(trust_str("{% for n in [1, 2] %}\nrow {{ n }}\n{% endfor %}\nend\n"), variables()) == "row 1\nrow 2\nend\n"


def test_what_is_not_marked_is_never_evaluated() -> None:
    assert TEMPLAR.render("{{ one }}", variables()) == "{{ one }}"
    assert TEMPLAR.render({"a": ["{{ one }}"]}, variables()) == {"a": ["{{ one }}"]}
    assert TEMPLAR.render(trust_str("{{ from_target }}-"), variables()) == "{{ one }}-"


def test_text(tmp_path: Any) -> None:
    (tmp_path / "part.j2").write_text("part {{ one }}")
    text = "#jinja2: lstrip_blocks: true\n{% for i in [1, 2] %}\nrow {{ i }}\n{% endfor %}\n{% include 'part.j2' %}\n{{ nothing }}end\n"
    assert TEMPLAR.render_text(text, variables(), name=str(tmp_path / "t.j2")) == "row 1\nrow 2\npart 1end\n"
    with pytest.raises(TemplateError, match="Missing key-value separator"):
        TEMPLAR.render_text("#jinja2: lstrip_blocks=true\n", variables(), name="t.j2")
    with pytest.raises(UndefinedError) as caught:
        TEMPLAR.render_text("a\n{{ nope }}\n", variables(), name="t.j2")
    assert "nope" in str(caught.value)

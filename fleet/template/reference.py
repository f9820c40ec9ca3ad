"""docs/templating.md: what filters, tests and lookups there are, one line each. `python -m fleet.template.reference` prints it."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.template.filters import FILTERS
from fleet.template.lookups import LOOKUPS
from fleet.template.tests import TESTS

_INTRO = """\
# Templating

Text that a person wrote in a playbook, an inventory, a variables file or on the command line may hold Jinja2 (`{{ }}`, `{% %}`). Nothing else is ever
evaluated: facts, results, contents of files and what a template yields are data.

- `"{{ x }}"` alone keeps x's type; with text around it the outcome is text, in which None is empty.
- Variables are evaluated when they are used, containers item by item. One that is undefined is an error naming it; `default`, `is defined` and
  `mandatory` take undefined ones, also through attributes (`a.b.c | default('x')`).
- Backslashes in the texts of `{{ }}` stand for themselves (`'a\\1'` in YAML's double quotes is `a\1` for `regex_replace`, and `'\n'` is no newline: let
  YAML make it). In template files, statements and conditions they are Jinja2's escapes.
- A block takes the newline behind it along (`trim_blocks`).
- Conditions (`when`, `changed_when`, `failed_when`, `until`, `assert.that`) are expressions whose value is true or false; anything else is an error.
- `omit` alone drops an option, an entry of a mapping or an item of a list.
- Template files also have `{% include %}`, `{% import %}`, `{% extends %}`, `{% do %}`, loop controls, and options in a first line such as
  `#jinja2: lstrip_blocks: true`.
- Templates are sandboxed and bounded: no private attributes, no changing of values in place, ranges up to 1,000,000, text up to 64 MiB.
- Functions: `lookup(name, ...)`, `query(name, ...)` or `q`, `now(utc, fmt)`, `undef(hint)`, `range`, and Jinja2's own.
- Filters, tests and lookups [of your own](#filters-tests-and-lookups-of-your-own) are Python files beside the playbook.
- Every name below may be written in full, as `ansible.builtin.NAME`. Jinja2's own filters and tests are there as well.
"""

_OWN = """
## Filters, tests and lookups of your own

`filter_plugins/*.py`, `test_plugins/*.py` and `lookup_plugins/*.py` beside a playbook or in a role (a role's are there once it is loaded), and in the
directories of the settings of these names, written as for Ansible:

```python
# filter_plugins/net.py
import ipaddress

def first_host(network):
    return str(next(ipaddress.ip_network(network).hosts()))

class FilterModule:
    def filters(self):
        return {"first_host": first_host}
```

`"{{ '10.0.0.0/24' | first_host }}"` is `10.0.0.1` then. Tests are those of a class `TestModule` with a method `tests`; a lookup is named like its file, and
the method `run(terms, variables=None, **options)` of its class `LookupModule` returns a list. They run on the controller, are called with plain data, and
what they return is data. `ansible.errors`, `ansible.plugins.lookup.LookupBase`, `Display` and `to_text`, `to_native`, `to_bytes` can be imported where Ansible
is not installed; a plugin that needs more of it is refused by name before any host is touched.
"""

ABOUT_FILTERS = {
    "b64decode": "text of base64; `urlsafe`", "b64encode": "base64 of text; `urlsafe`", "basename": "last part of a path",
    "bool": "yes, on, 1, true as True; other text as False", "checksum": "SHA-1 of text", "combinations": "combinations of `size` items",
    "combine": "mappings merged, later ones win; `recursive`, `list_merge`", "comment": "text as a comment; `style`, `decoration`, `prefix`, `postfix`",
    "commonpath": "the longest path several share", "community.general.json_query": "like json_query",
    "d": "like default", "default": "another value for an undefined one; with `true` also for an empty one",
    "dict2items": "list of key and value; `key_name`, `value_name`", "difference": "items that another list does not have",
    "dirname": "a path without its last part",
    "expanduser": "`~` in a path as the home folder", "expandvars": "`$NAME` in a path from the environment", "extract": "the item a key or index names",
    "fileglob": "files that match a pattern", "flatten": "nested lists as one; `levels`, `skip_nulls`", "from_json": "data of JSON text",
    "from_yaml": "data of YAML text", "from_yaml_all": "list of data of several YAML documents", "hash": "digest of text by an algorithm's name",
    "human_readable": "a number of bytes with a unit; `isbits`, `unit`", "human_to_bytes": "number of bytes of text with a unit",
    "int": "whole number of text, or a default; `base`", "intersect": "items that both lists have", "items2dict": "mapping of a list of key and value",
    "json_query": "a JMESPath query; needs the Python package jmespath", "log": "logarithm; natural or by base", "mandatory": "an error if undefined; its text",
    "md5": "MD5 of text", "normpath": "a path without `.` and `..`",
    "password_hash": "crypt(3) hash: sha512, sha256, md5, bcrypt; salt, `rounds`", "path_join": "a path of its parts", "permutations": "orders of items",
    "pow": "to the power", "product": "each item of a list with each of others", "quote": "text as one word of a shell",
    "random": "a random item or number; `start`, `step`, `seed`", "realpath": "a path without links", "regex_escape": "text as a pattern that matches it",
    "regex_findall": "all that matches; `ignorecase`, `multiline`", "regex_replace": "what matches replaced; `count`, `mandatory_count`",
    "regex_search": "what matches first, or its groups; None without a match", "rekey_on_member": "mapping of items by one of their values; `duplicates`",
    "relpath": "a path from another", "root": "square root, or the root by number", "sha1": "SHA-1 of text", "shuffle": "items in random order; `seed`",
    "split": "parts of text", "splitext": "a path's name and its ending", "strftime": "time as text, by a format; seconds, `utc`", "string": "value as text",
    "subelements": "pairs of an item and each entry of a list inside it; `skip_missing`", "symmetric_difference": "items that one of two lists has",
    "ternary": "one value if true, another if false, a third if None", "to_datetime": "time of text, by a format", "to_json": "JSON text",
    "to_nice_json": "JSON text to be read by people; `indent`, `sort_keys`", "to_nice_yaml": "YAML text to be read by people; `indent`",
    "to_uuid": "UUID version 5 of text; `namespace`", "to_yaml": "YAML text", "type_debug": "name of a value's type", "union": "items that either list has",
    "unique": "items without those that repeat; `case_sensitive`, `attribute`", "unvault": "text of vault text, by a password",
    "urlencode": "text or a mapping as part of a URL", "urlsplit": "a URL's parts, or one of them", "vault": "vault text of text, by a password; `salt`, `vault_id`",
    "win_basename": "last part of a Windows path", "win_dirname": "a Windows path without its last part", "win_splitdrive": "a Windows path's drive and rest",
    "zip": "items of lists side by side, up to the shortest", "zip_longest": "items of lists side by side, up to the longest; `fillvalue`",
}
ABOUT_TESTS = {
    "abs": "path is absolute", "all": "every item is true", "any": "some item is true", "change": "like changed", "changed": "task changed something",
    "contains": "list, mapping or text has an item", "directory": "path is a directory here", "exists": "path exists here", "failed": "task failed",
    "failure": "like failed", "falsy": "value counts as false; `convert_bool`", "file": "path is a file here", "finished": "asynchronous task is done",
    "is_abs": "like abs", "is_dir": "like directory", "is_file": "like file", "is_link": "like link", "is_mount": "like mount", "is_same_file": "like same_file",
    "isnan": "like nan", "issubset": "like subset", "issuperset": "like superset", "link": "path is a symbolic link here",
    "link_exists": "path or link exists here", "match": "text begins with a pattern", "mount": "path is a mount point here", "nan": "number is not a number",
    "reachable": "host was reached", "regex": "text matches; `match_type` search, match or fullmatch", "same_file": "two paths are one file",
    "search": "text has a pattern", "skip": "like skipped", "skipped": "task was skipped", "started": "asynchronous task has begun",
    "subset": "list is within another",
    "succeeded": "task did not fail", "success": "like succeeded", "successful": "like succeeded", "superset": "list has all of another",
    "timedout": "task ran out of time", "truthy": "value counts as true; `convert_bool`", "unreachable": "host was not reached",
    "uri": "text is a URI; schemes", "url": "text is a URL; schemes", "urn": "text is a URN", "vault_encrypted": "text is vault text",
    "vaulted_file": "file here holds vault text", "version": "compares versions: operator, `strict`, `version_type` loose, strict, semver, pep440",
    "version_compare": "like version",
}
ABOUT_LOOKUPS = {
    "cartesian": "each item of lists with each of the others", "config": "settings in force, by name; `on_missing`",
    "csvfile": "a column of a CSV file's line; `file`, `delimiter`, `col`, `keycol`, `default`", "dict": "key and value of each entry of a mapping",
    "env": "variables of the environment; `default`", "file": "contents of files; `lstrip`, `rstrip`", "fileglob": "files that match patterns",
    "first_found": "the first file that exists; `files`, `paths`, `skip`", "flattened": "nested lists as one",
    "indexed_items": "number and item of a list", "ini": "values of an INI or properties file; `section`, `file`, `type`, `re`, `default`",
    "inventory_hostnames": "hosts of a pattern", "items": "items, lists among them opened once", "lines": "lines that commands print here",
    "list": "its terms as they are", "nested": "like cartesian", "password": "a password kept in a file, made at first; `length`, `chars`, `encrypt`, `seed`",
    "pipe": "what commands print here", "random_choice": "one of the items", "sequence": "numbers; `start`, `end`, `count`, `stride`, `format`",
    "subelements": "pairs of an item and each entry of a list inside it", "template": "text of template files; `template_vars`",
    "together": "items of lists side by side", "unvault": "contents of vault-encrypted files", "url": "contents of URLs; `split_lines`",
    "varnames": "names of variables that match patterns", "vars": "variables by name; `default`",
}


def _table(title: str, registry: Mapping[str, object], about: Mapping[str, str]) -> str:
    return "\n".join([f"\n## {title}\n", "| name | |", "|---|---|", *(f"| `{name}` | {about.get(name, '')} |" for name in sorted(registry))]) + "\n"


def markdown() -> str:
    """The page's text."""
    return _INTRO + _table("Filters", FILTERS, ABOUT_FILTERS) + _table("Tests", TESTS, ABOUT_TESTS) + _table("Lookups", LOOKUPS, ABOUT_LOOKUPS) + _OWN


if __name__ == "__main__":
    print(markdown(), end="")

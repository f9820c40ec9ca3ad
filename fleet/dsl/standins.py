"""The few names of Ansible's that plugins import most, for where Ansible is not installed: its errors, text of bytes, LookupBase, Display.

They are there while a plugin is imported or a lookup runs, and at no other time. What needs more of Ansible is told so by Python's own ImportError.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import yaml

from fleet.modules import _own_text


class AnsibleError(Exception):
    """What plugins raise. message: what went wrong; everything else is taken and left aside."""

    def __init__(self, message: Any = "", *args: Any, **kw: Any) -> None:
        super().__init__(str(message))
        self.message = str(message)


class LookupBase:
    """What lookups are made of: options by their DOCUMENTATION, files beside the playbook."""

    def __init__(self, loader: Any = None, templar: Any = None, **kw: Any) -> None:
        self._loader = loader
        self._templar = templar
        self._options: dict[str, Any] = {}

    def run(self, terms: Any, variables: Any = None, **kw: Any) -> list[Any]:
        raise NotImplementedError

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Mapping[str, Any] | None = None) -> None:
        """direct: what was given; the rest is as documented: environment, then default."""
        documented = yaml.safe_load(getattr(sys.modules.get(type(self).__module__), "DOCUMENTATION", "") or "") or {}
        for name, option in (documented.get("options") or {}).items():
            names = [each.get("name") for each in option.get("env") or ()]
            self._options[name] = next((os.environ[each] for each in names if each in os.environ), option.get("default"))
        self._options.update(direct or {})

    def get_option(self, name: str, hostvars: Any = None) -> Any:
        if name not in self._options:
            raise KeyError(f"there is no option '{name}'")
        return self._options[name]

    def get_options(self) -> dict[str, Any]:
        return dict(self._options)

    def find_file_in_search_path(self, myvars: Any, subdir: str, needle: str, ignore_missing: bool = False) -> str | None:
        for base in [*(myvars.get("ansible_search_path") or ()), "."]:
            for path in (os.path.join(base, subdir, needle), os.path.join(base, needle)):
                if os.path.exists(path):
                    return os.path.abspath(path)
        if ignore_missing:
            return None
        raise AnsibleError(f"there is no file '{needle}' in {subdir}/ or beside the playbook")

    @staticmethod
    def _flatten(terms: Any) -> list[Any]:
        return [item for term in terms for item in (term if isinstance(term, (list, tuple)) else [term])]


class Display:
    """Where plugins say what they do; fleet shows results, so nothing of it is shown but warnings."""

    def warning(self, msg: str, *args: Any, **kw: Any) -> None:
        print(f"warning: {msg}", file=sys.stderr)

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kw: None


_ERRORS = ("AnsibleFilterError", "AnsibleFilterTypeError", "AnsibleRuntimeError", "AnsibleOptionsError", "AnsibleParserError", "AnsibleUndefinedVariable",
           "AnsibleTemplateError", "AnsibleTypeError", "AnsibleValueOmittedError", "AnsibleLookupError", "AnsibleAssertionError")
_TEXTS = {name: getattr(_own_text, name) for name in ("to_text", "to_native", "to_bytes")}
_MODULES: dict[str, dict[str, Any]] = {
    "ansible": {},
    "ansible.errors": {"AnsibleError": AnsibleError, **{name: type(name, (AnsibleError,), {}) for name in _ERRORS}},
    "ansible.plugins": {},
    "ansible.plugins.lookup": {"LookupBase": LookupBase},
    "ansible.utils": {},
    "ansible.utils.display": {"Display": Display},
    "ansible.module_utils": {},
    "ansible.module_utils._text": _TEXTS,
    "ansible.module_utils.common": {},
    "ansible.module_utils.common.text": {},
    "ansible.module_utils.common.text.converters": _TEXTS,
}


@contextmanager
def present() -> Iterator[None]:
    """The names can be imported inside, unless Ansible itself can."""
    if "ansible" in sys.modules or importlib.util.find_spec("ansible") is not None:
        yield
        return
    for name, names in _MODULES.items():
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = []
        vars(module).update(names)
    try:
        yield
    finally:
        for name in _MODULES:
            sys.modules.pop(name, None)

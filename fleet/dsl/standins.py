"""The few names of Ansible's that filter plugins import most, for where Ansible is not installed: its errors, and text of bytes.

They are there while a plugin is imported and at no other time. What needs more of Ansible is told so by Python's own ImportError.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class AnsibleError(Exception):
    """What plugins raise. message: what went wrong; everything else is taken and left aside."""

    def __init__(self, message: Any = "", *args: Any, **kw: Any) -> None:
        super().__init__(str(message))
        self.message = str(message)


def _text(value: Any, encoding: str = "utf-8", errors: str | None = None, nonstring: str = "simplerepr") -> Any:
    if isinstance(value, bytes):
        return value.decode(encoding, errors or "surrogateescape")
    return value if isinstance(value, str) or nonstring == "passthru" else str(value)


def _bytes(value: Any, encoding: str = "utf-8", errors: str | None = None, nonstring: str = "simplerepr") -> Any:
    if isinstance(value, bytes) or (nonstring == "passthru" and not isinstance(value, str)):
        return value
    return str(value).encode(encoding, errors or "surrogateescape")


_ERRORS = ("AnsibleFilterError", "AnsibleFilterTypeError", "AnsibleRuntimeError", "AnsibleOptionsError", "AnsibleParserError", "AnsibleUndefinedVariable",
           "AnsibleTemplateError", "AnsibleTypeError", "AnsibleValueOmittedError")
_TEXTS = {"to_text": _text, "to_native": _text, "to_bytes": _bytes}
_MODULES: dict[str, dict[str, Any]] = {
    "ansible": {},
    "ansible.errors": {"AnsibleError": AnsibleError, **{name: type(name, (AnsibleError,), {}) for name in _ERRORS}},
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

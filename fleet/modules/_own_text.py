"""What modules of people's own import as `ansible.module_utils._text` and `...common.text.converters`: text of bytes, and the other way."""
from typing import Any, Optional


def to_text(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    # type: (Any, str, Optional[str], str) -> Any
    if isinstance(obj, bytes):
        return obj.decode(encoding, _handler(errors))
    return obj if isinstance(obj, str) or nonstring == "passthru" else str(obj)


def to_bytes(obj, encoding="utf-8", errors=None, nonstring="simplerepr"):
    # type: (Any, str, Optional[str], str) -> Any
    if isinstance(obj, bytes) or (nonstring == "passthru" and not isinstance(obj, str)):
        return obj
    return str(obj).encode(encoding, _handler(errors))


def _handler(errors):
    # type: (Optional[str]) -> str
    return "surrogateescape" if not errors or errors.startswith("surrogate") else errors


to_native = to_text

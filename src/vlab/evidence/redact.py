"""Takes what is secret out of objects and logs before they are written anywhere."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "[removed]"

_SECRET_NAME = re.compile(r"(api[-_]?key|token|secret|password|authorization)s?$", re.IGNORECASE)
_FLAG = re.compile(r"(--(?:[\w-]*api-key|[\w-]*token|[\w-]*password))([= ])(\S+)", re.IGNORECASE)
_BEARER = re.compile(r"(bearer\s+)[\w.~+/=-]+", re.IGNORECASE)
_ASSIGNED = re.compile(r"(\b\w*(?:API_KEY|TOKEN|PASSWORD|SECRET)\b['\"]?\s*[=:]\s*['\"]?)([^\s'\",}]+)")
# A JSON web token, as service accounts have, and Hugging Face's.
_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bhf_[A-Za-z0-9]{20,}\b")


def redacted(value: Any) -> Any:
    """A copy of JSON data without secrets, and without managedFields, which nobody reads."""
    if isinstance(value, Mapping):
        if value.get("kind") == "Secret":
            value = {**value, "data": MASK, "stringData": MASK}
        if _is_secret_variable(value):
            value = {**value, "value": MASK}
        return {k: MASK if _is_secret(k, v) else redacted(v) for k, v in value.items() if k != "managedFields"}
    if isinstance(value, list):
        return _redacted_list(value)
    return redacted_text(value) if isinstance(value, str) else value


def _redacted_list(values: list[Any]) -> list[Any]:
    """Arguments come as --api-key=X, or as --api-key and X."""
    result, hide = [], False
    for value in values:
        result.append(MASK if hide and isinstance(value, str) else redacted(value))
        hide = isinstance(value, str) and value.startswith("--") and _SECRET_NAME.search(value) is not None
    return result


def _is_secret_variable(value: Mapping[str, Any]) -> bool:
    name = value.get("name")
    return isinstance(name, str) and isinstance(value.get("value"), str) and _SECRET_NAME.search(name) is not None


def _is_secret(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, str) and _SECRET_NAME.search(key) is not None


def redacted_text(text: str) -> str:
    """Text without bearer tokens, keys given as flags or variables, and service accounts' tokens."""
    text = _FLAG.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    return _TOKEN.sub(MASK, text)

"""Takes what is secret out of objects and logs before they are written anywhere."""

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "[removed]"

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOBODY_READS = {"managedFields"}

_SECRET_NAME = re.compile(r"(api[-_]?keys?|token|secret|password|passwd|authorization|private[-_]?key)$", re.IGNORECASE)
"""Of a variable, a flag or a key. `tokens` is a number of them, and no secret."""

_QUOTE = r"\\?[\"']"
_VALUE = rf"(?!(?:None|null)\b)(?:{_QUOTE})?[^\s\"',}}\]\\]+"
_SECRETS = (
    # --api-key X, --api-key=X, and as lists are printed: "--api-key", "X".
    re.compile(rf"((?<![\w-])--[\w-]*(?:api[-_]key|token|password)(?:{_QUOTE},|=|\s)\s*){_VALUE}", re.IGNORECASE),
    # VLLM_API_KEY=X, HF_TOKEN: X
    re.compile(rf"(\b\w*(?:API_KEY|TOKEN|PASSWORD|SECRET)\b(?:{_QUOTE})?\s*[=:]\s*){_VALUE}"),
    # api_key=X, api_key: X, api_key=['X'], password=X. A colon after other words is prose.
    re.compile(rf"(\bapi_?keys?\b(?:{_QUOTE})?\s*[=:]\s*\[?){_VALUE}", re.IGNORECASE),
    re.compile(rf"(\b\w*(?:password|passwd|secret)=){_VALUE}", re.IGNORECASE),
    # "hf_token": "X", {"name": "HF_TOKEN", "value": "X"}
    re.compile(rf"({_QUOTE}[\w-]*(?:token|password|secret){_QUOTE}\s*:\s*\[?{_QUOTE})[^\"'\\]+", re.IGNORECASE),
    re.compile(
        rf"((?:api_?key|token|password|secret){_QUOTE},\s*{_QUOTE}value{_QUOTE}\s*:\s*{_QUOTE})[^\"'\\]+",
        re.IGNORECASE,
    ),
    # Authorization: Bearer X, Basic X
    re.compile(rf"(\bauthorization(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?(?:\w+\s+)?)[^\s\"',}}\]\\]+", re.IGNORECASE),
    re.compile(r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    # A JSON web token, as service accounts have; keys of Hugging Face and OpenAI; private keys.
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
    re.compile(r"()\b(?:hf_[A-Za-z0-9]{20,}|sk-[\w-]{20,})"),
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
)
_ANY = re.compile(r"key|token|secret|passw|authoriz|bearer|eyJ|hf_|sk-", re.IGNORECASE)
"""What every secret's surroundings have one of: most texts can be left as they are."""


def redacted(value: Any) -> Any:
    """A copy of JSON data without secrets, and without managedFields, which nobody reads."""
    if isinstance(value, Mapping):
        return _redacted_mapping(value)
    if isinstance(value, list | tuple):
        return _redacted_list(value)
    return redacted_text(value) if isinstance(value, str) else value


def _redacted_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("kind") == "Secret":
        value = {**value, **{k: MASK for k in ("data", "stringData") if k in value}}
    if _is_secret_variable(value):
        value = {**value, "value": MASK}
    return {k: _redacted_entry(k, v) for k, v in value.items() if k not in _NOBODY_READS}


def _redacted_entry(key: str, value: Any) -> Any:
    if key == _LAST_APPLIED:
        return _redacted_json(value)
    if isinstance(value, str) and _SECRET_NAME.search(str(key)):
        return MASK
    return redacted(value)


def _redacted_json(value: Any) -> Any:
    """What kubectl keeps of an object is the object again, as text: a Secret's data is in it too."""
    try:
        return json.dumps(redacted(json.loads(value)))
    except (TypeError, ValueError):
        return MASK


def _redacted_list(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Arguments come as --api-key=X, or as --api-key and X, of which there may be several."""
    result, hide = [], False
    for value in values:
        if isinstance(value, str) and value.startswith("-"):
            hide = value.startswith("--") and _SECRET_NAME.search(value) is not None
            result.append(redacted(value))
        else:
            result.append(MASK if hide and isinstance(value, str) else redacted(value))
    return result


def _is_secret_variable(value: Mapping[str, Any]) -> bool:
    name = value.get("name")
    return isinstance(name, str) and isinstance(value.get("value"), str) and _SECRET_NAME.search(name) is not None


def redacted_text(text: str) -> str:
    """Text without bearer tokens, keys given as flags or variables, service accounts' tokens and private keys."""
    if not _ANY.search(text):
        return text
    for secret in _SECRETS:
        text = secret.sub(rf"\1{MASK}", text)
    return text

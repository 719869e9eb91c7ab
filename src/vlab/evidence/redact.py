"""Takes what is secret out of objects and texts before they are written anywhere.

Of objects every literal value that a learner can give is masked but for those on a list: variables of the engine,
configuration files, annotations of Kubernetes. In texts, what looks like a key is masked, by the patterns of
detect-secrets and by the names that keys are given.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from vlab.evidence.patterns import MIGHT_HOLD, SECRETS

MASK = "[removed]"

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOBODY_READS = {"managedFields"}

_SECRET_NAME = re.compile(
    r"((api|access|account|storage|secret|private|signing|encryption|master|session|auth|shared|client|service|"
    r"database|db)[-_.]?keys?([-_]?id)?|token|secret|passw(or)?d|passphrase|pwd|credentials?|authorization|^auth|"
    r"(^|[-_])(pat|dsn)|database[-_]?url|connection[-_]?string|auth[-_]?config|docker(configjson|cfg))$",
    re.IGNORECASE,
)
"""Of a flag or a key. `tokens` is a number of them, and no secret."""
_SECRET_WORD = re.compile(r"key|token(?!s|iz)|secret|passw|passphrase|pwd|cred|auth|_pat$|dsn", re.IGNORECASE)

_SHOWN_VARIABLES = re.compile(
    r"(VLLM|HF_HUB|TRANSFORMERS|TORCH|OMP|CUDA|NVIDIA|NCCL)_\w+|HF_HOME|PYTHON\w*|(MY_)?(POD|NODE|HOST)_\w+"
)
_SHOWN_FILES = re.compile(r".*\.(conf|ya?ml|json|py)(\.template)?")
"""Keys of a ConfigMap that are read, as nginx.conf; others hold one value, or a file that nobody reads."""
_SHOWN_ANNOTATIONS = re.compile(r"([\w.-]+\.)?(kubernetes\.io|k8s\.io|vlab\.dev)/.+")

_SHORT = 512


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
    if value.get("kind") == "ConfigMap":
        value = _only_files(value)
    if _is_hidden_variable(value):
        value = {**value, "value": MASK}
    return {k: _redacted_entry(k, v) for k, v in value.items() if k not in _NOBODY_READS}


def _only_files(config: Mapping[str, Any]) -> dict[str, Any]:
    """A ConfigMap of which only files that graders read are left."""
    found = dict(config)
    if isinstance(data := config.get("data"), Mapping):
        found["data"] = {k: v if _SHOWN_FILES.fullmatch(str(k)) else MASK for k, v in data.items()}
    if "binaryData" in config:
        found["binaryData"] = MASK
    return found


def _is_hidden_variable(value: Mapping[str, Any]) -> bool:
    """Whether it is a variable with a literal value, as containers are given, of which the value may be anything."""
    name, literal = value.get("name"), value.get("value")
    if not isinstance(name, str) or not isinstance(literal, str) or not literal:
        return False
    return _SHOWN_VARIABLES.fullmatch(name) is None or _SECRET_WORD.search(name) is not None


def _redacted_entry(key: str, value: Any) -> Any:
    if key == _LAST_APPLIED:
        return _redacted_json(value)
    if isinstance(value, str) and value and _SECRET_NAME.search(str(key)):
        return MASK
    if key == "annotations" and isinstance(value, Mapping):
        value = {k: v if _SHOWN_ANNOTATIONS.fullmatch(str(k)) else MASK for k, v in value.items()}
    return redacted(value)


def _redacted_json(value: Any) -> Any:
    """What kubectl keeps of an object is the object again, as text: a Secret's data is in it too."""
    try:
        return json.dumps(redacted(json.loads(value)))
    except (TypeError, ValueError, RecursionError):
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


def redacted_text(text: str) -> str:
    """Text without what looks like a key, a token, a password or the like."""
    return _redacted_short(text) if len(text) <= _SHORT else _redacted_text(text)


def _redacted_text(text: str) -> str:
    if MIGHT_HOLD.search(text):
        for secret in SECRETS:
            text = secret.sub(rf"\g<1>{MASK}", text)
    for secret in _known_keys():
        text = secret.sub(MASK, text)
    return text


_redacted_short = lru_cache(maxsize=20_000)(_redacted_text)
"""Objects of Kubernetes say the same many times."""


_LEFT_OUT = frozenset(
    (
        "Basic Auth Credentials",  # a password may have any character: see SECRETS
        "Public IP (ipv4)",
        # By the name that a key is given, which SECRETS knows for every service.
        "Cloudant Credentials",
        "IBM Cloud IAM Key",
        "IBM COS HMAC Credentials",
        "SoftLayer Credentials",
    )
)
"""Types of secrets of detect-secrets that are no keys by their form."""


@cache
def _known_keys() -> tuple[re.Pattern[str], ...]:
    """The patterns of detect-secrets for keys of known services, which say by their form what they are."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import RegexBasedDetector

    every: Mapping[str, Any] = get_mapping_from_secret_type_to_class()
    wanted = [p for type_, p in every.items() if issubclass(p, RegexBasedDetector) and type_ not in _LEFT_OUT]
    return tuple(pattern for plugin in wanted for pattern in plugin().denylist)

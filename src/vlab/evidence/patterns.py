"""What a secret in a text is known by: the name that it is given, or its form. Group 1 of each stays."""

import re

_QUOTE = r"\\?[\"']"
_VALUE = r"(?!\[removed\]|(?:None|null)\b)(?:(?<=[\"'])[^\"'\n\\]+|[^\s\"',;}\]\\]+)"
"""To the closing quote, or to the end of a word."""

_KEY = (
    r"(?:api|access|account|storage|secret|private|signing|encryption|master|session|auth|shared|client|service)"
    r"[-_]?keys?"
)
_TOKEN = r"(?:access|auth|refresh|id|session|hf|hub|api|bearer|bot|github|gitlab|service)[-_]?token"  # noqa: S105
_WORD = r"(?:password|passwd|passphrase|secret|credentials?)"
_NAMES = rf"(?:{_KEY}|{_TOKEN}|{_WORD})"

_GIVEN = (
    # --api-key X, --api-key=X, and as lists are printed: "--api-key", "X".
    rf"((?<![\w-])--[\w-]*(?:{_KEY}|token|{_WORD})(?:{_QUOTE},|=|\s)\s*(?:{_QUOTE})?){_VALUE}",
    # api_key=X, api_key: X, api_key=['X']. A colon after other words is prose, but for a line that is nothing more.
    rf"(\bapi_?keys?\b(?:{_QUOTE})?\s*[=:]\s*\[?(?:{_QUOTE})?){_VALUE}",
    rf"({_NAMES}\s?=\s?(?:{_QUOTE})?){_VALUE}",
    rf"(^[ \t]*(?:-[ \t]+)?[\w.-]*{_NAMES}[ \t]*:[ \t]+(?:{_QUOTE})?){_VALUE}(?=(?:{_QUOTE})?[ \t]*$)",
    # "hf_token": "X", {"name": "HF_TOKEN", "value": "X"}
    rf"((?:{_KEY}|token|{_WORD}){_QUOTE}(?:,\s*{_QUOTE}value{_QUOTE})?\s*:\s*\[?{_QUOTE})[^\"'\\]+",
    rf"({_QUOTE}auth{_QUOTE}\s*:\s*{_QUOTE})[^\"'\\]+",
    # .dockerconfigjson: X, DOCKER_AUTH_CONFIG={...}
    rf"(docker(?:configjson|cfg|_auth_config)(?:{_QUOTE})?\s*[=:]\s*)(?!\[removed\])[^\n]+",
    # Authorization: Bearer X, Basic X, x-api-key: X; as nginx is told: proxy_set_header X-Api-Key X
    rf"(\bauthorization(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?(?:\w+\s+)?){_VALUE}",
    rf"((?<![\w-])x-[\w-]*(?:key|token|secret)(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?){_VALUE}",
    r"(_header\s+[\w-]*(?:authorization|key|token|secret)\s+)(?!\[removed\])[^\n;]+",
    r"(\bbearer\s+)[\w.~+/=-]{8,}",
    # https://user:password@host, but no image@sha256:...; ?access_token=X, &X-Amz-Signature=X
    r"(\b[a-z][a-z0-9+.-]{1,20}://)(?!\[removed\])[^\s/@\"'?#]{1,500}@(?!sha256:)",
    rf"([?&;](?:[\w-]*token|[\w-]*key|x-amz-[\w-]+|sig|signature|password|code)=){_VALUE}",
)
_FORMED = (
    # VLLM_API_KEY=X, HF_TOKEN: X, DATABASE_URL=X: in small letters they may be prose
    r"((?:_KEY|_KEY_ID|TOKEN|PASSWORD|PASSWD|_PASS|SECRET|CREDENTIALS?|_PAT|_PWD|_DSN|DATABASE_URL|"
    rf"CONNECTION_STRING)\b(?:{_QUOTE})?\s*[=:]\s*(?:{_QUOTE})?){_VALUE}",
    # A JSON web token, as service accounts have; keys of Hugging Face and OpenAI; private keys.
    r"()\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    r"()\b(?:hf_[A-Za-z0-9]{20,}|sk-[\w-]{20,})",
    r"()-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)",
)
SECRETS = (
    *(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in _GIVEN),
    *(re.compile(pattern) for pattern in _FORMED),
)
MIGHT_HOLD = re.compile(
    r"key|token|secret|passw|passphrase|credential|authoriz|auth[\"']|bearer|eyJ|hf_|sk-|docker|[?&]\w+=|://[^\s/]*@|"
    r"_PAT|_PWD|_PASS|_DSN|DATABASE_URL|CONNECTION_STRING",
    re.IGNORECASE,
)
"""What every secret's surroundings have one of: most texts can be left as they are."""

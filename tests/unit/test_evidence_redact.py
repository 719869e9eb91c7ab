"""Redaction: no secret is written, and what is no secret stays as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.evidence.redact import MASK, redacted, redacted_text

SECRET = "s3cr3t-v4lue-xyz"
JWT = "eyJhbGciOiJSUzI1NiJ9abc.eyJpc3MiOiJrdWJlIn0xyz.s3cr3t-v4lue-xyz"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "Secret", "metadata": {"name": "a"}, "data": {"anything": SECRET}, "stringData": {"b": SECRET}},
        {"kind": "List", "items": [{"kind": "Secret", "data": {"x": SECRET}}]},
        {
            "kind": "Secret",
            "metadata": {"annotations": {LAST_APPLIED: json.dumps({"kind": "Secret", "data": {"x": SECRET}})}},
        },
        {"annotations": {LAST_APPLIED: f"not JSON {SECRET}"}},
        {"env": [{"name": "VLLM_API_KEY", "value": SECRET}]},
        {"env": [{"name": "HF_TOKEN", "value": SECRET}]},
        {"args": ["--api-key", SECRET, "--port=8000"]},
        {"args": ["--api-key", "first", SECRET, "--port=8000"]},
        {"args": [f"--api-key={SECRET}"]},
        {"command": ["sh", "-c", f"exec vllm serve m --api-key {SECRET} --port 8000"]},
        {"command": ["sh", "-c", f"export VLLM_API_KEY={SECRET}; exec vllm serve m"]},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"data": {"api-key": SECRET}},
        {"metadata": {"managedFields": [{"x": SECRET}]}},
        {"annotation": json.dumps({"args": [f"--api-key={SECRET}"]})},
        {"annotation": json.dumps({"args": ["--api-key", SECRET]})},
        {"annotation": json.dumps({"env": [{"name": "VLLM_API_KEY", "value": SECRET}]})},
        {"token": JWT},
        {"stdout": f"cat /var/run/secrets/token: {JWT}"},
        {"pem": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"},
    ],
    ids=lambda v: json.dumps(v)[:40],
)
def test_objects_lose_their_secrets(value):
    assert SECRET not in json.dumps(redacted(value))


@pytest.mark.parametrize(
    "line",
    [
        f"started with --api-key {SECRET} --port 8000",
        f"started with --api-key={SECRET}",
        f"vllm serve ['--api-key', '{SECRET}']",
        f"non-default args: {{'model': 'm', 'api_key': ['{SECRET}'], 'port': 8000}}",
        f"Namespace(api_key='{SECRET}', port=8000)",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}",
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f"VLLM_API_KEY={SECRET}",
        f"VLLM_API_KEY: {SECRET}",
        f"args: {{'HF_TOKEN': '{SECRET}'}}",
        f'{{"hf_token": "{SECRET}"}}',
        f"curl -H 'Authorization: Bearer {SECRET}' http://vllm-server:8000",
        JWT,
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n",
    ],
)
def test_logs_lose_their_secrets(line):
    cleaned = redacted_text(line)
    assert SECRET not in cleaned
    assert MASK in cleaned


def test_only_the_secret_goes():
    assert redacted_text(f"a --api-key {SECRET} --port 8000") == f"a --api-key {MASK} --port 8000"
    assert redacted(["--api-key", SECRET, "--port", "8000"]) == ["--api-key", MASK, "--port", "8000"]
    assert redacted({"kind": "Secret", "data": {"a": SECRET}, "type": "Opaque"}) == {
        "kind": "Secret",
        "data": MASK,
        "type": "Opaque",
    }


@pytest.mark.parametrize(
    "text",
    [
        "time per output token: 45 ms, and p95 TTFT=3.5 s",
        "max_tokens=100, --max-num-batched-tokens 2048, prompt_tokens: 310",
        "The secret: look at the queue. Basic validation of the token budget.",
        "vllm:generation_tokens_total 310",
        "non-default args: {'api_key': None, 'port': 8000}",
        "0/5 nodes are available: 4 Insufficient nvidia.com/gpu.",
        "tokenizer=HuggingFaceTB/SmolLM2-135M-Instruct, skip_tokenizer_init=False, tokenizer_mode=auto",
    ],
)
def test_words_that_only_look_like_secrets_stay(text):
    assert redacted_text(text) == text


def test_what_is_no_secret_stays():
    pod = {
        "kind": "Pod",
        "spec": {
            "containers": [
                {
                    "args": ["--max-num-batched-tokens", "2048", "--tokenizer", "x"],
                    "env": [{"name": "A", "value": "b"}],
                    "envFrom": [{"secretRef": {"name": "keys"}}],
                }
            ],
            "volumes": [{"secret": {"secretName": "keys"}}],
            "automountServiceAccountToken": True,
        },
        "message": "0/5 nodes are available: 4 Insufficient nvidia.com/gpu.",
    }
    assert redacted(pod) == pod


@pytest.mark.parametrize("text", ["-" * 200_000, "a" * 200_000, "--" + "a-" * 100_000, "token " * 40_000])
@pytest.mark.timeout(5)
def test_no_text_takes_long(text):
    assert redacted_text(f"key {text}") == f"key {text}"


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b c", "--port"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=20,
)


@given(json_data)
def test_redacting_leaves_other_data_alone_and_is_done_once(value):
    assert redacted(value) == value
    assert redacted(redacted(value)) == redacted(value)


@given(json_data, st.sampled_from(["api_key", "apiKey", "HF_TOKEN", "password", "authorization"]))
def test_a_secret_is_found_however_deep_it_lies(value, name):
    assert SECRET not in json.dumps(redacted({"a": [value, {"b": {name: SECRET}}]}))

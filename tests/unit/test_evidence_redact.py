"""Redaction: no secret is written, and what is no secret stays as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlab.evidence.redact import MASK, redacted, redacted_text

SECRET = "s3cr3t-v4lue-xyz"
JWT = "eyJhbGciOiJSUzI1NiJ9abc.eyJpc3MiOiJrdWJlIn0xyz.s3cr3t-v4lue-xyz"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


CLOUD = (
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_STORAGE_KEY",
    "S3_SECRET_KEY",
    "GITHUB_PAT",
    "DATABASE_URL",
    "DOCKER_AUTH_CONFIG",
)
KNOWN = (
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 5,
    "xoxb-" + "123-456-abcdef",
    "hf_" + "a1B2" * 8,
)
"""Keys that say by their form what they are."""


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
        {"env": [{"name": "ANYTHING", "value": SECRET}]},
        {"env": [{"name": "VLLM_S3_ACCESS_KEY_ID", "value": SECRET}]},
        {"env": [{"name": "HF_HUB_TOKEN", "value": SECRET}]},
        *({"env": [{"name": name, "value": SECRET}]} for name in CLOUD),
        *({"args": [f"--env={name}={SECRET}"]} for name in CLOUD),
        *({"command": ["sh", "-c", f"export {name}='{SECRET}'; exec vllm serve m"]} for name in CLOUD),
        {"kind": "ConfigMap", "data": {"anything": SECRET, ".env": f"A={SECRET}\nB=2\n"}},
        {"kind": "ConfigMap", "data": {".dockerconfigjson": f'{{"auths": {{"r.io": {{"auth": "{SECRET}"}}}}}}'}},
        {"kind": "ConfigMap", "data": {"config.json": f'{{"auths": {{"r.io": {{"auth": "{SECRET}"}}}}}}'}},
        {"kind": "ConfigMap", "data": {"app.yaml": f"user: a\npassword: {SECRET}\n"}},
        {"kind": "ConfigMap", "data": {"nginx.conf": f"proxy_set_header X-Api-Key {SECRET};\n"}},
        {"kind": "ConfigMap", "data": {"nginx.conf": f"proxy_set_header Authorization 'Basic {SECRET}';\n"}},
        {"kind": "ConfigMap", "binaryData": {"x": SECRET}},
        {"metadata": {"annotations": {"example.com/deploy": SECRET, "note": SECRET}}},
        {"metadata": {"annotations": {"notkubernetes.io/x": SECRET}}},
        {
            "metadata": {
                "annotations": {LAST_APPLIED: json.dumps({"env": [{"name": "GITHUB_PAT", "value": SECRET}]})},
            }
        },
        {"args": [f"--model=https://ada:{SECRET}@host/m"]},
        {"args": [f"--model=https://host/m?access_token={SECRET}"]},
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
        *(f"{name}={SECRET}" for name in CLOUD),
        *(f"{name}: {SECRET}" for name in CLOUD),
        *(f"{{'{name}': '{SECRET}'}}" for name in CLOUD),
        f'{{"name": "AWS_SECRET_ACCESS_KEY",\n "value": "{SECRET}"}}',
        f"git clone https://ada:{SECRET}@github.com/a/b",
        f"postgres://ada:{SECRET}@db:5432/x",
        f"GET /v1/models?access_token={SECRET} HTTP/1.1",
        f"GET /blob?sv=1&sig={SECRET}&se=2",
        f"x-api-key: {SECRET}",
        f"curl -H 'X-API-Key: {SECRET}'",
        f".dockerconfigjson: {SECRET}",
        f'DOCKER_AUTH_CONFIG={{"auths": {{"r.io": {{"auth": "{SECRET}"}}}}}}',
        f"DefaultEndpointsProtocol=https;AccountKey={SECRET};EndpointSuffix=x",
        f"password='two words and {SECRET}'",
        *KNOWN,
        JWT,
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n",
    ],
)
def test_logs_lose_their_secrets(line):
    cleaned = redacted_text(line)
    assert SECRET not in cleaned
    assert MASK in cleaned
    assert not any(key in cleaned for key in KNOWN)


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
        "first_token=0.45, time_per_output_token=0.045, max_tokens: 100, --max-num-seqs 4 --api-server-count 2",
        "Signal: TTFT p95 3.5 s.\nInterpretation: one token at a time\nToken budget: 2048\n",
        "vllm serve m --max-model-len 2048 --kv-cache-dtype fp8 --enable-prefix-caching",
        "GET http://vllm-server:8000/v1/models?limit=3&after=x 200 OK, image nginx@sha256:0123, mail ada@example.org",
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
                    "env": [
                        {"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"},
                        {"name": "HF_HOME", "value": "/cache"},
                        {"name": "POD_IP", "value": "10.0.0.1"},
                        {"name": "EMPTY", "value": ""},
                        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
                    ],
                    "envFrom": [{"secretRef": {"name": "keys"}}],
                }
            ],
            "volumes": [{"secret": {"secretName": "keys"}}],
            "automountServiceAccountToken": True,
        },
        "message": "0/5 nodes are available: 4 Insufficient nvidia.com/gpu.",
        "metadata": {
            "annotations": {"deployment.kubernetes.io/revision": "3", "vlab.dev/x": "y", "scheduling.k8s.io/a": "b"}
        },
        "status": {"containerStatuses": [{"imageID": "docker-pullable://nginx@sha256:0123456789abcdef"}]},
    }
    assert redacted(pod) == pod


def test_configuration_that_graders_read_stays():
    nginx = "server {\n  location / {\n    proxy_pass http://vllm-server:8000;\n    proxy_buffering off;\n  }\n}\n"
    config = {"kind": "ConfigMap", "data": {"nginx.conf": nginx, "default.conf.template": nginx, "level": "debug"}}
    assert redacted(config)["data"] == {"nginx.conf": nginx, "default.conf.template": nginx, "level": MASK}


@pytest.mark.parametrize(
    "text",
    ["-" * 200_000, "a" * 200_000, "--" + "a-" * 100_000, "x-" * 100_000, "token " * 40_000, "A_KEY" * 40_000],
    ids=lambda text: text[:6],
)
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

"""api: a key guards what it can, the note has what this API answers, and what the prefix cache finds is measured."""

from vlab.grading import CannotTell, check, expect

NOTE = "api.md"
NOTED = {
    "completion": "completion",
    "chat": "chat",
    "unknown model": "unknown model",
    "too long a prompt": "too long",
    "models with the key": "models",
    "models without a key": "models without key",
    "health without a key": "health without key",
    "metrics without a key": "metrics without key",
}
"""Names in the note, and of the question that was asked for the grading."""
BY_DEFAULT = (
    r"default|optional|unless|only (if|when)|no (users|notion)|(not|never|nicht) (check|set|ask|config|gesetzt)"
)
WITHOUT_ONE = (
    r"\b(any|every)(body|one| tenant| pod| client)|tenant|caller|cost|spend|bill|abus|quota|limit|log\b|audit|"
    r"leak|attack|authenti|gateway|who (is|asks|asked|may)|jede|kosten|missbrauch|cualquiera|coste|abuso"
)


@check(
    "guarded",
    points=3,
    needs=["server-ready"],
    help="Ask `/v1/models` with `Authorization: Bearer` and the key of the task, and without one, as probes do.",
)
def test_guarded(calls):
    """The API answers with the key and refuses without, and health and metrics stay open"""
    for name in ("models", "completion"):
        _expect_status(calls, name, 200)
        _expect_status(calls, f"{name} without key", 401)
    for name in ("health", "metrics"):
        _expect_status(calls, f"{name} without key", 200)


@check(
    "statuses-noted",
    points=2,
    needs=["guarded"],
    help="`curl -i` shows the status of an answer, `curl -N` a stream as it comes: ask this endpoint once more.",
)
def test_statuses_noted(calls, written):
    """The note has the statuses that this endpoint gives, and how a stream ends"""
    note = written.note(NOTE)
    for name, question in NOTED.items():
        is_so, told = _status(calls, question), note.number(name)
        expect(told == is_so, f"{name}: {is_so}, as it was asked for this grading", f"{told:g}")
    last = note.value("last line of the stream")
    expect(calls.done and "[DONE]" in last, "data: [DONE] at the end of a stream", last)


@check(
    "prefix-measured",
    points=3,
    needs=["guarded", "safeguards"],
    help="vllm:prefix_cache_hits_total, before and after the second of two equal prompts, on the engine that runs now.",
)
def test_prefix_measured(calls, written):
    """What a repeated prompt finds in the cache is whole blocks, measured on this engine"""
    block = _block(calls)
    note = written.note(NOTE)
    told = note.number("block size")
    expect(told == block, f"block size: {block}, as the engine says", f"{told:g}")
    tokens, hits = note.number("tokens of the long prompt"), note.number("tokens that hit")
    expect(tokens > 2 * block, f"a long prompt of more than two blocks, so {2 * block} tokens", f"{tokens:g}")
    whole = _whole_blocks(tokens, block)
    expect(
        hits == whole, f"{whole:g} of {tokens:g} tokens in whole blocks of {block}, the last one left out", f"{hits:g}"
    )
    expect(
        calls.hits_before >= hits,
        f"an engine that has counted those {hits:g} tokens",
        f"{calls.hits_before:g} in its whole life",
    )
    short = note.number("tokens that hit after a short beginning")
    expect(short == 0, "0 tokens after a beginning shorter than a block", f"{short:g}")


@check(
    "key-explained",
    points=1,
    help="Two or three sentences: what vLLM does unless told otherwise, and what that means where others reach it.",
)
def test_key_explained(written):
    """The note says why no key is asked for by default, and why production needs one"""
    wanted = {"why none is asked for by default": BY_DEFAULT, "what goes wrong in production without": WITHOUT_ONE}
    written.note(NOTE).reasons("why", wanted)


def _status(calls, name):
    answer = calls.answers.get(name)
    if answer is None or answer.status is None:
        raise CannotTell(f"{name}: {answer.error if answer else 'not asked'}")
    return answer.status


def _expect_status(calls, name, wanted):
    found = _status(calls, name)
    expect(found == wanted, f"{wanted} for {name}", f"{found}: {calls.answers[name].body[:120]}")


def _block(calls):
    """Tokens of a block, of an engine whose cache finds what it must."""
    if calls.block_size is None or calls.long is None or calls.long.prompt_tokens is None:
        raise CannotTell("the engine does not say how large its blocks are, or what it counts")
    expect(calls.long.hits, "an engine whose prefix cache finds a prompt that was asked before", "0 tokens found")
    whole = _whole_blocks(calls.long.prompt_tokens, calls.block_size)
    if calls.long.hits != whole or calls.short is None or calls.short.hits:
        raise CannotTell(f"{calls.long.hits:g} tokens were found where {whole:g} should be: others may be asking, too")
    return calls.block_size


def _whole_blocks(tokens, block):
    return (tokens - 1) // block * block

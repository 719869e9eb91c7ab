"""deploy-with-cache: the learner's own server, a cache that its second pod finds again, and memory of its own."""

import re

from vlab.grading import CannotTell, check, expect
from vlab.grading.expectations import SEE_SHM, expect_left_by_an_earlier_pod, expect_own_shared_memory

NOTE = "deploy-with-cache.md"
NEAR = 0.02
"""Of its size so much may be lost to rounding."""


@check("shm-is-memory", points=2, needs=["server-ready"], help=SEE_SHM)
def test_shm_is_memory(engines):
    """Shared memory is memory of the pod's own, seen from inside"""
    for engine in engines:
        expect_own_shared_memory(engine)


@check(
    "cache-survives",
    points=4,
    needs=["server-ready", "safeguards"],
    help="Leave a file in the cache, or let the engine do so; delete the pod; then the next one has to find it.",
)
def test_cache_survives(engines):
    """The pod that serves now found in the cache what an earlier one had left"""
    for engine in engines:
        expect_left_by_an_earlier_pod(engine)


@check(
    "mounts-noted",
    points=2,
    needs=["server-ready"],
    help="`kubectl exec deployment/vllm-server -- df -m` says what is mounted in the container, and how large it is.",
)
def test_mounts_noted(engines, written):
    """The note says where the cache and shared memory really are"""
    note = written.note(NOTE)
    path, claim = note.value("cache is mounted at"), note.value("claim behind it")
    told = re.search(r"/[\w./-]+", path)
    expect(told, "a path behind `cache is mounted at:`", path)
    for engine in engines:
        volume = engine.volume_at(told[0].rstrip(".")) or {}
        found = volume.get("persistentVolumeClaim", {}).get("claimName")
        expect(
            found, f"a claim's volume at {told[0]} in {engine.name}", ", ".join(volume.keys() - {"name"}) or "no volume"
        )
        expect(re.search(rf"(?<![\w-]){re.escape(found)}(?![\w-])", claim), f"claim {found} behind it", claim)
        _expect_size(engine, note.value("MiB of /dev/shm"), note.number("MiB of /dev/shm"))


def _expect_size(engine, words, number):
    if engine.inside is None:
        raise CannotTell(f"{engine.name} could not be looked into")
    is_so = engine.inside["shm_mib"]
    told = number * 1024 if re.search(r"\d\s*gi?b?\b", words.lower()) else number
    expect(abs(told - is_so) <= NEAR * is_so, f"{is_so:g} MiB of /dev/shm in {engine.name}", words)

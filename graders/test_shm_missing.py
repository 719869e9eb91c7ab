"""shm-missing: the engine stays up and answers, on shared memory that is memory and the pod's own."""

from vlab.grading import check
from vlab.grading.expectations import SEE_SHM, expect_own_shared_memory


@check("shm-is-memory", points=2, needs=["server-ready"], help=SEE_SHM)
def test_shm_is_memory(engines):
    """Shared memory is memory of the pod's own, seen from inside"""
    for engine in engines:
        expect_own_shared_memory(engine)

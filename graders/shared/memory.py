"""What an exercise promises about shared memory, where it is not the exercise itself."""

from vlab.grading import check
from vlab.grading.expectations import SEE_SHM, expect_own_shared_memory


@check("shm-kept", needs=["server-ready"], help=SEE_SHM)
def test_shm_kept(engines):
    """The engine's processes share memory of the pod's own"""
    for engine in engines:
        expect_own_shared_memory(engine)

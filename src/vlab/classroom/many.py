"""Does one thing for many learners: several at a time, and one's trouble is nobody else's."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from vlab.classroom.model import Learner
from vlab.errors import LabError

Note = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of it for one learner."""

    learner: Learner
    ok: bool
    words: str
    hint: str = ""


def for_each(
    learners: Iterable[Learner],
    work: Callable[[Learner, Note], str],
    parallel: int,
    note: Note,
    done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Do `work` for each learner.

    Args:
        work: returns words for the table; what it raises is its outcome, and the others go on.
        note: is told how many are done, and what one of them is at.
        done: is told each outcome as it comes, from one thread.

    Returns:
        The outcomes in the learners' order. Ctrl-C lets what has begun come to its end and begins nothing more.
    """
    wanted = list(learners)
    found: dict[str, Outcome] = {}

    def one(learner: Learner) -> Outcome:
        def said(words: str) -> None:
            note(f"{len(found)} of {len(wanted)}; {learner.slug}: {words}")

        try:
            return Outcome(learner, True, work(learner, said))
        except LabError as e:
            return Outcome(learner, False, e.message, e.hint)
        except Exception as e:
            return Outcome(learner, False, f"this is a bug in vlab: {type(e).__name__}: {e}", "please report it")

    with ThreadPoolExecutor(parallel) as pool:
        futures = [pool.submit(one, learner) for learner in wanted]
        try:
            for future in as_completed(futures):
                outcome = future.result()
                found[outcome.learner.slug] = outcome
                done(outcome)
                note(f"{len(found)} of {len(wanted)}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [found[learner.slug] for learner in wanted]

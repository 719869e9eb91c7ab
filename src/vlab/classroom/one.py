"""A class of one, for as long as a program or a submission has a learner's place on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from vlab import ui
from vlab.catalog import Exercise
from vlab.classroom import manage, store
from vlab.classroom.model import LONGEST_SLUG, Class, Learner
from vlab.cluster.lab import Lab
from vlab.errors import LabError


@contextmanager
def class_of_one(
    lab: Lab, exercise: Exercise, called: str, whose: str, steps: ui.Steps
) -> Iterator[tuple[Class, Learner]]:
    """A class with one learner and the exercise started; gone afterwards, whatever happened.

    Args:
        called: the class's name.
        whose: the learner's; runs and gradings are kept under it.

    Raises:
        LabError: the exercise cannot be done in one namespace, or could not be started.
    """
    manage.refuse_alone(exercise)
    slug = f"{whose}-{exercise.id}"[:LONGEST_SLUG].strip("-")
    learner = Learner(slug=slug, key=slug, name=whose)
    of = manage.new(called, lab, [learner])
    try:
        found = manage.create(of, steps)
        found += manage.start(of, exercise, [learner], steps, replace=True, parallel=1)
        if trouble := next((o for o in found if not o.ok), None):
            raise LabError(f"{exercise.id} for {whose}: {trouble.words}", trouble.hint)
        yield of, learner
    finally:
        manage.close(of, steps)
        store.remove(called)

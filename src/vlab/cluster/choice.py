"""Turns the options of `vlab up` and what the machine has into one definite wish."""

from vlab import doctor, ui
from vlab.build import targets
from vlab.cluster import lab as labs
from vlab.cluster.containers import Engine
from vlab.cluster.lab import Lab
from vlab.cluster.up import Wanted, up
from vlab.errors import LabError
from vlab.names import checked_lab

WORKERS = 4
PROFILES = ("cpu", "gpu")


def wanted(name: str, context: str | None, provider: str | None, profile: str | None, workers: int | None) -> Wanted:
    """What to bring up. A lab that is there keeps what it was made with where an option is not given.

    Raises:
        LabError: options that do not go together, or a machine on which nothing works.
    """
    if profile not in (None, *PROFILES):
        raise LabError(f"no profile is called {profile}", f"take one of {', '.join(PROFILES)}")
    doctor.check_wish(context, provider)
    known = labs.find(checked_lab(name))
    if known is not None and context in (None, known.context) and provider in (None, known.provider):
        return Wanted(
            known.name,
            known.provider,
            known.container_engine(),
            profile or known.profile,  # type: ignore[arg-type]
            workers or known.workers,
            known.context,
        )
    choice = _choose(context, provider)
    chosen = profile or ("gpu" if choice.provider == "context" else "cpu")
    if chosen == "gpu" and choice.provider != "context":
        raise LabError(
            "profile gpu needs real GPUs, and a cluster that vlab makes has none",
            "name a cluster that has them with --context, or take --profile cpu",
        )
    return Wanted(
        name,
        choice.provider,
        Engine(choice.engine, choice.own_conf) if choice.engine else None,
        chosen,  # type: ignore[arg-type]
        workers or (0 if choice.provider == "context" else WORKERS),
        context if context is not None else f"kind-{name}",
    )


def brought_up(name: str, steps: ui.Steps, context: str | None = None) -> Lab:
    """The lab of this name, brought up with whatever fits this machine, or on the cluster of a context.

    Raises:
        LabError: with what stood in the way.
    """
    return up(wanted(name, context, None, None, None), steps)


def _choose(context: str | None, provider: str | None) -> doctor.Choice:
    with ui.Steps() as steps, steps.step("Look at this machine"):
        facts = doctor.read_facts(
            registries=context is None and provider is None,
            built=targets.built("kind-built"),
            clients_built=targets.built("kind-registry"),
        )
    choice = doctor.choose_provider(facts, context, provider)
    ui.say(f"provider {choice.provider}: {choice.why}")
    doctor.refuse(doctor.rows(facts, choice))
    return choice

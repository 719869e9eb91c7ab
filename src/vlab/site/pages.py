"""A page for each exercise, in Markdown, from its own files: nothing is said here that they do not say."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

from vlab import catalog, deployment
from vlab.catalog import Parameters, Scenario, Task
from vlab.cluster.lab import Profile
from vlab.grading.check import Check
from vlab.grading.load import checks_in
from vlab.names import DEFAULT_LAB, DEFAULT_LEARNER
from vlab.report.words import points
from vlab.runs import Run
from vlab.settings import NAMESPACE

FOLDER = "exercises"
"""Of the site, where these pages are."""
PROFILE: Profile = "cpu"
"""Whose values the texts of tasks have here."""
INSTANCE = "0123456789ab"
"""In the place of a lab's own, which is drawn when it is made."""
LEDGER = {"real": "Real here", "simulated": "Simulated", "not_shown": "Not shown"}


@dataclass(frozen=True)
class Exercise:
    """A task or a scenario, as far as pages lead to it."""

    id: str
    title: str
    task: int
    minutes: int
    kind: str
    """Of a task it is 'task'."""
    text: str
    """Its page, in Markdown."""

    @property
    def src(self) -> str:
        """Its file among the site's sources."""
        return f"{FOLDER}/{self.id}.md"

    @property
    def called(self) -> str:
        """'task' or 'scenario'."""
        return "task" if self.kind == "task" else "scenario"


@dataclass(frozen=True)
class Section:
    """A section of the course."""

    title: str
    src: str
    """Its file among the site's sources."""
    practises: frozenset[int]
    """The tasks whose exercises go with it."""


def exercises(
    sections: Sequence[Section] = (), solutions: bool = False, tasks: Iterable[Task] | None = None
) -> list[Exercise]:
    """Every exercise, by the module's tasks: the task itself, then what can break in it.

    Args:
        sections: what there is to read about them.
        solutions: whether their pages have their solutions.
        tasks: those of labs/ if not given.
    """
    known = catalog.tasks().values() if tasks is None else tasks
    found = [
        *(_of_task(t, solutions) for t in known),
        *(_of_scenario(s, solutions) for s in catalog.scenarios().values()),
    ]
    found.sort(key=lambda e: (e.task, e.kind != "task"))
    return [replace(e, text=f"{e.text}\n\n{_beside(e, found, sections)}".strip()) for e in found]


def _beside(exercise: Exercise, every: Sequence[Exercise], sections: Sequence[Section]) -> str:
    """What belongs to the same task, and what to read."""
    same = [e for e in every if e.task == exercise.task and e.id != exercise.id]
    links = [f"- {e.called.capitalize()}: [{e.title}]({e.id}.md)" for e in same]
    links += [f"- Course: [{s.title}](../{s.src})" for s in sections if exercise.task in s.practises]
    return "## Goes with\n\n" + "\n".join(links) if links else ""


def section(src: str, text: str) -> Section:
    """A section of the course, from its Markdown."""
    marks = re.findall(r"<!-- practise: ([^>]+?) -->", text)
    numbers = {int(word) for mark in marks for word in mark.replace(",", " ").split() if word.isdigit()}
    return Section(_titled(text, src)[0], src, frozenset(numbers))


def index(found: Sequence[Exercise]) -> str:
    """The page that leads to all of them."""
    parts = [
        "# Exercises\n\nA **task** is done on a healthy deployment. A **scenario** is a deployment with a fault in it: "
        "you see what its users see, find out why, mend it, and are graded on what the endpoint then does.\n"
    ]
    for number in sorted({e.task for e in found}):
        parts.append(f"## Task {number}\n")
        parts += [
            f"- [{e.title}]({e.id}.md) ({e.called}, about {e.minutes} minutes)" for e in found if e.task == number
        ]
        parts.append("")
    return "\n".join(parts)


def _of_scenario(scenario: Scenario, solutions: bool) -> Exercise:
    parameters = scenario.end(last=False)
    title, brief = _titled(scenario.brief(parameters), scenario.title)
    drawn = set(re.findall(r"\{([a-z_]+)\}", (scenario.folder / "brief.md").read_text())) & {
        name for name, values in scenario.ranges().items() if len(values) > 1
    }
    example = "The numbers above are an example: yours are drawn from your name, and `vlab start` says them.\n"
    ledger = _fold("For afterwards: what was real here, what was simulated, what this does not show", _ledger(scenario))
    return _page(
        scenario,
        title,
        [_facts(scenario, _needs(scenario)), brief, example * bool(drawn)],
        ledger,
        parameters,
        solutions,
    )


def _of_task(task: Task, solutions: bool) -> Exercise:
    parameters = example(task)
    title, body = _titled(task.brief(parameters), task.title)
    own = [_facts(task, []), _says_otherwise(task), body]
    ledger = f"## Real, simulated, not shown\n\n{_ledger(task)}"
    return _page(task, title, own, ledger, parameters, solutions)


def example(task: Task) -> Parameters:
    """What the texts of a task have in the place of names, for the default learner on a lab that vlab built here."""
    drawn = task.draw(DEFAULT_LEARNER, PROFILE)
    over = catalog.merged(task.values, task.on(PROFILE).values)
    run = Run(
        lab=DEFAULT_LAB,
        instance=INSTANCE,
        scenario=task.id,
        learner=DEFAULT_LEARNER,
        namespace=NAMESPACE,
        parameters=drawn,
        started=datetime.fromtimestamp(0, UTC),
    )
    found = deployment.named(run, deployment.values(PROFILE, NAMESPACE, over, drawn))
    return {name: value for name, value in found.items() if name != "folder"}  # of whoever builds the site


def _says_otherwise(task: Task) -> str:
    """What of a task's text is another one elsewhere, and where one's own is to be seen; empty where nothing is."""
    named = set(re.findall(r"\{([a-z_]+)\}", task.brief({})))
    ways = {
        "names your lab by its own number in the place of `" + INSTANCE + "`": "instance" in named,
        "has the values that are drawn from your name, if you gave one": bool(named & task.ranges(PROFILE).keys()),
        "has the image and the paths of your lab, which differ where images are not built here": "image" in named,
    }
    said = [words for words, is_there in ways.items() if is_there]
    return f"`vlab start {task.id}` shows this text too; there it {', and '.join(said)}.\n" if said else ""


def _page(
    exercise: Task | Scenario,
    title: str,
    own: Sequence[str],
    ledger: str,
    parameters: Parameters,
    solutions: bool,
) -> Exercise:
    """What every page has, around what is its own."""
    parts = [
        f"# {title}\n",
        *own,
        f"## Commands\n\n{_commands(exercise.id)}",
        _checks(checks_in(*exercise.graders)),
        _hints(exercise.text("hints.md", parameters), exercise.id),
        ledger,
        *([_solution(exercise, parameters)] if solutions else []),
    ]
    text = "\n\n".join(part.strip() for part in parts if part)
    return Exercise(exercise.id, title, exercise.task, exercise.minutes, exercise.kind, text)


def _titled(text: str, otherwise: str) -> tuple[str, str]:
    """A text's own first heading, and the rest of it."""
    found = re.match(r"\s*# (.+)\n", text)
    return (found[1].strip(), text[found.end() :].strip()) if found else (otherwise, text.strip())


def _facts(exercise: Task | Scenario, needs: Iterable[str]) -> str:
    said = [f"Task {exercise.task} of the course", f"about {exercise.minutes} minutes", *needs]
    items = "".join(f"<li>{escape(each)}</li>" for each in said)
    return f'<ul class="vlab-facts">{items}</ul>'


def _needs(scenario: Scenario) -> list[str]:
    needs = scenario.needs
    said = []
    if len(needs.profiles) == 1:
        said.append(f"profile {needs.profiles[0]} only")
    if needs.nodes > 1 or needs.gpus_per_node > 1:
        said.append(f"{needs.nodes} nodes with {needs.gpus_per_node} GPU{'s' * (needs.gpus_per_node > 1)} each")
    return said


def _commands(identifier: str) -> str:
    return (
        "```bash\n" + "\n".join(f"vlab {verb} {identifier}" for verb in ("start", "watch", "hint", "grade")) + "\n```"
    )


def _checks(checks: Sequence[Check]) -> str:
    """Those that earn points in a table, safeguards in a list to unfold."""
    graded, safe = [c for c in checks if c.points], [c for c in checks if not c.points]
    rows = "\n".join(f"| {c.title} (`{c.id}`) | {c.points} | {_needed(c, safe)} |" for c in graded)
    total = points(sum(c.points for c in graded))
    table = f"| What is asked | Points | Needs |\n|---|---|---|\n{rows}"
    listed = "\n".join(f"- {c.title} (`{c.id}`)" for c in safe)
    why = "They earn nothing; what earns points needs them. Taking something away from somebody is no mending."
    folded = _fold(f"{len(safe)} safeguards", f"{why}\n\n{listed}") if safe else ""
    return f"## Checks\n\n{total} in all. A check whose needs are not met is skipped.\n\n{table}\n\n{folded}"


def _needed(check: Check, safe: Sequence[Check]) -> str:
    """What a check needs, with all safeguards in two words."""
    every = {c.id for c in safe}
    some = [n for n in check.needs if n not in every] if every and every <= set(check.needs) else check.needs
    return ", ".join([*(["all safeguards"] if len(some) < len(check.needs) else []), *(f"`{n}`" for n in some)]) or "-"


def _hints(text: str, identifier: str) -> str:
    """Each to unfold. They are not in the search index: whoever searches has not asked for them."""
    folds = [
        _fold(f"Hint {number}: {heading.strip().lower()}", hint)
        for number, (heading, hint) in enumerate(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, re.MULTILINE), 1)
    ]
    said = f"Each says more than the one before, the last one what to change. `vlab hint {identifier}` shows them, too."
    return f"## Hints\n\n{said}\n\n" + "\n\n".join(folds)


def _ledger(exercise: Task | Scenario) -> str:
    boxes = "\n".join(
        f'<div class="vlab-{key.replace("_", "-")}"><dt>{name}</dt><dd>{escape(text)}</dd></div>'
        for key, name in LEDGER.items()
        if (text := getattr(exercise, key))
    )
    return f'<dl class="vlab-ledger">\n{boxes}\n</dl>'


def _solution(exercise: Task | Scenario, parameters: Parameters) -> str:
    script = (exercise.folder / "solution" / "apply.sh").read_text()
    text = f"{exercise.text('solution/README.md', parameters)}\n\n```bash\n{script.strip()}\n```"
    return f"## Solution\n\n{_fold('Solution', text)}"


def _fold(summary: str, text: str) -> str:
    """Something to unfold, which the search does not find."""
    head = f'<details markdown="1" data-search-exclude>\n<summary>{escape(summary)}</summary>'
    return f"{head}\n\n{text.strip()}\n\n</details>"

"""`vlab load`: send a workload to an endpoint and show what came of it; compare two runs."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vlab import catalog, ui
from vlab.cli.options import DEFAULT, LEARNER, Learner, Name
from vlab.errors import Exit, LabError

if TYPE_CHECKING:  # at run time they are imported by the commands, so that other commands start without them
    from vlab.catalog import Exercise
    from vlab.load.client import Progress
    from vlab.load.result import LoadResult
    from vlab.load.workload import Workload


class _RunByDefault(TyperGroup):
    """`vlab load chat` means `vlab load run chat`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_RunByDefault, no_args_is_help=True, help="Send a load to an endpoint and measure it.")
load_app = app


def register(parent: typer.Typer) -> None:
    """Add the command and its verbs."""
    parent.add_typer(app, name="load")


@app.command("run")
def run_command(
    name: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="A packaged workload, a YAML file, or a started scenario's traffic."),
    ],
    lab_name: Name = DEFAULT,
    learner: Learner = LEARNER,
    url: Annotated[
        str | None, typer.Option(help="The endpoint, such as http://127.0.0.1:8000; the lab's own if not given.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model name; the first one served if not given.")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="VLLM_API_KEY", help="Sent as a bearer token.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write every request and metric sample as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Send a workload; print what its users and the engine saw."""
    from vlab.load import report, workload
    from vlab.load.summary import module_lines, summarise

    scenario = catalog.exercises().get(name)
    for file in (out, html):
        _require_folder(file)
    if scenario is not None and scenario.workload is not None:
        result = _send_its_traffic(scenario, lab_name, learner)
    elif url is not None:
        result = _send_from_here(workload.find(name), name, url, model, api_key)
    else:
        result = _send_from_the_witness(workload.find(name), name, lab_name, model, api_key)
    if out is not None:
        result.save(out)
    summary = summarise(result)
    if html is not None:
        _write(html, report.html(result, summary))
    if as_json:
        typer.echo(summary.model_dump_json(indent=2))
    else:
        for line in (*module_lines(summary.total), *report.lines(summary)):
            typer.echo(line)
        if summary.total.succeeded:
            ui.out.print(report.latency_table(summary))
    if not summary.total.succeeded:
        raise _nothing_succeeded(result)


@app.command("record")
def record_command(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND", help="A load test of your own.")],
    lab_name: Name = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> int:
    """Run a load test of your own, and keep with the exercise what its engines counted meanwhile.

    Exit code: the command's.
    """
    from vlab import own_loads, proc
    from vlab.cluster import lab
    from vlab.endpoint import last_run

    found = lab.get(lab_name)
    recording = own_loads.Recording(found, last_run(found, None))
    with recording:
        code = proc.foreground(command)
    counted = own_loads.counted(recording.measured)
    if as_json:
        typer.echo(json.dumps(counted, indent=2))
    else:
        ui.say("counted by the engines: " + ", ".join(f"{name} {value:g}" for name, value in counted.items()))
    return code


@app.command("compare")
def compare_command(
    a: Annotated[Path, typer.Argument(help="A result that --out wrote: before.")],
    b: Annotated[Path, typer.Argument(help="Another one: after.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two runs of a workload: ratios, which is better, and whether that can be told."""
    from vlab.load import report
    from vlab.load.compare import compare
    from vlab.load.result import load

    comparison = compare(load(a), load(b))
    if as_json:
        typer.echo(comparison.model_dump_json(indent=2))
        return
    ui.out.print(report.compare_table(comparison))
    for warning in comparison.warnings:
        typer.echo(f"note: {warning}")


@app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the packaged workloads."""
    from vlab.load import workload

    titles = {name: workload.read(path).title for name, path in workload.packaged().items()}
    if as_json:
        typer.echo(json.dumps(titles, indent=2))
        return
    for name, title in titles.items():
        typer.echo(f"{name:15} {title}")


def _send_its_traffic(scenario: "Exercise", lab_name: str, learner: str) -> "LoadResult":
    """What the scenario's users send, where they send it: the load that a grading measures."""
    from vlab import measure, own_loads, runs
    from vlab.cluster import lab
    from vlab.cluster.kube import kube

    found = lab.get(lab_name)
    run = runs.load(found, scenario, learner)
    cluster = kube(found)
    with ui.Steps() as steps, steps.step(f"load {scenario.id}") as line:
        now = measure.serving_now(cluster, run, scenario)
        result, via = measure.send(cluster, found, run, scenario, now, line.note)
    own_loads.keep(run, measure.measured_of(result, via, now))
    return result


def _send_from_here(wanted: "Workload", name: str, url: str, model: str | None, api_key: str | None) -> "LoadResult":
    from vlab.load.client import first_model, run
    from vlab.load.exchange import Target

    target = Target(url, model or asyncio.run(first_model(url, api_key)), api_key)
    with ui.Steps() as steps, steps.step(f"load {name}") as line:

        def note(p: "Progress") -> None:
            line.note(f"{p.done} done, {p.in_flight} in flight, {p.errors} errors")

        return run(wanted, target, on_progress=note)


def _send_from_the_witness(
    wanted: "Workload", name: str, lab_name: str, model: str | None, api_key: str | None
) -> "LoadResult":
    """From inside the cluster, by the Service's name, as the exercise's clients do; kept with the exercise."""
    from vlab import asking, measure, own_loads
    from vlab.cluster import lab
    from vlab.cluster.kube import kube
    from vlab.endpoint import last_run, open_witness

    here = lab.get(lab_name)
    run = last_run(here, None)
    found, service = open_witness(here, None)
    now = asking.look(kube(here), run.namespace)
    given = {"service": service, "model": model or "", "api_key": api_key, "engines": now.urls}
    with ui.Steps() as steps, steps.step(f"load {name}") as line:
        result = measure.from_inside(found, wanted, given, line.note)
    own_loads.keep(run, measure.measured_of(result, "witness", now))
    return result


def _require_folder(file: Path | None) -> None:
    """Fail before the load, not after it."""
    if file is not None and not file.absolute().parent.is_dir():
        raise LabError(f"cannot write {file}: its folder does not exist", f"mkdir -p {file.parent}")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as e:
        raise LabError(f"cannot write {file}: {e.strerror}", "name a file in a folder of yours") from None


def _nothing_succeeded(result: "LoadResult") -> LabError:
    first = next((r for r in result.requests if not r.ok), None)
    if first is None:
        return LabError("no request was sent", "give the workload a longer duration or a higher rate")
    return LabError(
        f"none of {len(result.requests)} requests succeeded; the first: {first.error}: {first.detail}",
        "check the endpoint with curl, and --model against its /v1/models",
        Exit.NO_LAB,
    )

"""`vlab class board`: a page for the wall: who is at what, whose checks turn green, who is stuck."""

import json
from typing import Annotated

import typer

from vlab import ui
from vlab.cli.options import ClassName, Json
from vlab.errors import LabError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("board")(board)


def board(
    of: ClassName = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 0,
    host: Annotated[
        str, typer.Option(help="The address to listen on. Others than this machine's browsers reach 0.0.0.0.")
    ] = "127.0.0.1",
    called: Annotated[
        list[str] | None, typer.Option(help="A name by which browsers may call it, besides localhost; several times.")
    ] = None,
    hide_names: Annotated[bool, typer.Option("--hide-names", help="Show a number for each learner.")] = False,
    stuck_after: Annotated[
        float, typer.Option(min=0.1, metavar="MINUTES", help="Without a check that passes for the first time.")
    ] = 10.0,
    as_json: Json = False,
) -> None:
    """Serve a page for the wall until Ctrl-C, and print its address: who has the address may read, and do nothing
    else. In an exam it shows who is at work, and no verdict.
    """
    import asyncio

    from vlab import catalog
    from vlab.classroom import manage, store
    from vlab.classroom.board import numbers
    from vlab.classroom.board.live import Live
    from vlab.classroom.board.server import Board, address, is_loopback
    from vlab.classroom.board.sources import Disk, Source
    from vlab.classroom.board.state import Wall

    found = store.get(of)
    hidden = numbers.numbers(found) if hide_names else None
    titles = {id: each.title for id, each in catalog.exercises().items()}
    disk = Disk(found)
    sources: list[Source] = [disk]
    try:
        sources.append(Live(found, manage.lab_of(found)))
    except LabError as e:  # what was graded can be shown without its cluster
        ui.say(f"gradings alone are shown: {e.message}", style="yellow")
    served = Board(Wall(found, stuck_after, hidden, titles), sources, tuple(called or ()))
    with ui.Steps() as steps, steps.step("Read the gradings so far"):
        for each in disk.look():
            served.hub.hear(each)
        served.hub.tell()

    def ready(at: int) -> None:
        where = address(host, at, served.token, called or ())
        typer.echo(json.dumps({"address": where, "class": found.name, "port": at}) if as_json else where)
        if hidden is not None:
            ui.say(f"{numbers.file(found)} says whose number is which", style="dim")
        if not is_loopback(host):
            ui.say("others reach it over plain HTTP: whoever can listen on the way can read it, and its token, too")
        ui.say("open this address; Ctrl-C ends the board", style="dim")

    try:
        asyncio.run(served.run(host, port, ready))
    except KeyboardInterrupt:
        ui.say("the board has ended")

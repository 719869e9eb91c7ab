"""The stream probe, on real servers of the loopback: when each piece came, whatever was done to it on its way."""

import asyncio
import gzip
import json
import zlib

import pytest

from test_witness import refused_port, server
from vlab.evidence import StreamPath
from vlab.witness import stream
from vlab.witness.http import LIMIT

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n%s\r\n"
EVENTS = [f"data: {json.dumps({'n': n})}\n\n".encode() for n in range(5)] + [b"data: [DONE]\n\n"]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answering(pieces, pause=0.03, head=b""):
    """A server that sends pieces in chunks of their own."""

    def answer(_, __):
        async def give(writer):
            writer.write(HEAD % head)
            for piece in pieces:
                writer.write(chunk(piece))
                await writer.drain()
                await asyncio.sleep(pause)
            writer.write(b"0\r\n\r\n")
            await writer.drain()

        return give

    return answer


def asked(*answers):
    async def run():
        events, given = [], {"model": "m", "max_tokens": 5}
        async with server(answers[0]) as direct, server(answers[-1]) as edge:
            paths = {"direct": direct, "edge": edge}
            await stream.ask({**given, "paths": paths, "prompts": ["a", "b"]}, lambda **e: events.append(e))
        return {e["name"]: e for e in events}

    return asyncio.run(run())


def test_each_piece_has_its_time():
    said = asked(answering(EVENTS))["direct"]
    assert (said["status"], said["events"], said["reads"], said["done"]) == (200, 6, 6, True)
    assert said["chunks"] == sorted(said["chunks"])
    assert said["chunks"][-1] - said["chunks"][0] >= 4 * 0.03
    assert said["seconds"] >= said["chunks"][-1]


def test_what_a_compressor_gathered_is_one_read_of_all_events():
    lump = gzip.compress(b"".join(EVENTS))
    said = asked(answering(EVENTS), answering([lump], head=b"Content-Encoding: gzip\r\n"))
    assert (said["edge"]["reads"], said["edge"]["events"], said["edge"]["content_encoding"]) == (1, 6, "gzip")
    assert (said["direct"]["reads"], said["direct"]["content_encoding"]) == (6, "")


def test_a_compressor_that_is_flushed_gathers_nothing():
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(e) + packer.flush(zlib.Z_SYNC_FLUSH) for e in EVENTS]
    said = asked(answering(EVENTS), answering(pieces, head=b"Content-Encoding: gzip\r\n"))["edge"]
    assert (said["reads"], said["events"]) == (6, 6)


@pytest.mark.parametrize("body", [b"\x1f\x8b garbage", b"plain"])
def test_what_only_says_that_it_is_compressed_has_no_events(body):
    said = asked(answering(EVENTS), answering([body], head=b"Content-Encoding: gzip\r\n"))["edge"]
    assert (said["status"], said["events"], said["reads"]) == (200, 0, 1)


def test_an_endless_stream_is_left():
    said = asked(answering([b"data: x\n\n" * 100_000] * 4, pause=0))["direct"]
    assert said["error"] == "endless"
    assert said["events"] * len(b"data: x\n\n") >= LIMIT


def test_a_bomb_is_unpacked_no_further_than_the_limit():
    bomb = gzip.compress(b"data: x\n\n" * 3_000_000)
    said = asked(answering(EVENTS), answering([bomb], head=b"Content-Encoding: gzip\r\n"))["edge"]
    assert said["events"] <= LIMIT


def test_nobody_there_is_said_of_each_path():
    async def run():
        port, events = await refused_port(), []
        given = {"paths": {"edge": f"http://127.0.0.1:{port}"}, "prompts": ["a"], "model": "m", "max_tokens": 5}
        await stream.ask(given, lambda **e: events.append(e))
        return events

    (said,) = asyncio.run(run())
    assert (said["status"], said["error"], said["reads"]) == (None, "refused", 0)


def test_what_is_said_is_a_path_of_evidence():
    said = asked(answering(EVENTS))["direct"]
    path = StreamPath(**{k: v for k, v in said.items() if k in StreamPath.model_fields})
    assert path.reads_per_event == 1.0
    assert path.first_chunk == said["chunks"][0]

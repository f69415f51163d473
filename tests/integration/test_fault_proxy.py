"""Every request and every reply of order entry, cut at every byte, by FIN and by RST.

The rule for all of them: a complete reply that matches is believed; whatever else follows a byte
that was written is UNKNOWN; NOT_SENT is said only when the proxy heard nothing; nothing raises.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
import uvloop
from cut_bench import (
    FORMS,
    CannedServer,
    CannedTrade,
    Form,
    TradeClient,
    batch_of,
    chunked,
    http,
    outcomes,
    rest_body,
    rest_client,
    socket_reply,
    until_close,
)
from fault_proxy import CLEAN, End, Fault, FaultProxy

from mmfast.messages import Batch, BatchReply, Outcome

LOOP = uvloop.new_event_loop
CUTS = (End.FIN, End.RST)
NO_BYTE = {Outcome.NOT_SENT, Outcome.UNKNOWN}
"""What may be said when the proxy heard nothing: a byte may have been written all the same."""
INSUFFICIENT = 110_007
"""A return code that proves a refusal."""

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
Send = Callable[[Batch], Awaitable[BatchReply]]


def run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=LOOP) as runner:
        return runner.run(main)


class Bench(NamedTuple):
    """A client that reaches a canned server through the proxy."""

    proxy: FaultProxy
    server: Any
    send: Send


@contextlib.asynccontextmanager
async def rest_bench(**options: Any) -> AsyncIterator[Bench]:
    async with CannedServer().running() as server, FaultProxy(server.port).running() as proxy:
        rest = rest_client(f"http://127.0.0.1:{proxy.port}", **options)
        try:
            yield Bench(proxy, server, rest.send)
        finally:
            await rest.close()


@contextlib.asynccontextmanager
async def trade_bench(**options: Any) -> AsyncIterator[Bench]:
    async with CannedTrade().running() as server, FaultProxy(server.port).running() as proxy:
        client = TradeClient(f"ws://127.0.0.1:{proxy.port}/v5/trade", **options)
        async with client.running():

            async def send(batch: Batch) -> BatchReply:
                await client.up()
                return await client.send(batch)

            yield Bench(proxy, server, send)


async def sizes(bench: Bench, batch: Batch, warm_up: int = 1) -> tuple[int, int]:
    """Bytes of one exchange in peace: request, reply. The reply must be believed."""
    for _ in range(warm_up):  # connected and logged in; request ids have four digits from here on
        await bench.send(batch)
    bench.proxy.arm(CLEAN)
    assert Outcome.UNKNOWN not in outcomes(await bench.send(batch))
    return len(bench.proxy.heard), bench.proxy.told


# REST.


@forms
def test_a_rest_request_cut_at_every_byte(form: Form) -> None:
    async def main() -> Counter[Outcome]:
        found: Counter[Outcome] = Counter()
        async with rest_bench() as bench:
            batch = batch_of(form)
            bench.server.reply = http(rest_body(batch))
            whole, _ = await sizes(bench, batch)
            for end in CUTS:
                for cut in range(whole + 1):
                    bench.proxy.arm(Fault(up=cut, end=end))
                    said = outcomes(await bench.send(batch))
                    allowed = {Outcome.UNKNOWN} if bench.proxy.heard else NO_BYTE
                    assert said <= allowed, f"{end.name} after {cut} of {whole} bytes: {said}"
                    found.update(said)
            assert bench.proxy.cuts + bench.proxy.accepted >= 2 * whole
        return found

    assert run(main())[Outcome.UNKNOWN] > 500


def replies(batch: Batch) -> dict[str, tuple[bytes, set[Outcome]]]:
    """Replies of the venue, and what each of them proves when it is whole."""
    mixed = {Outcome.ACK, Outcome.REJECT} if not batch.single else {Outcome.ACK}
    refused = {Outcome.REJECT}
    return {
        "accepted": (rest_body(batch), {Outcome.ACK}),
        "partly": (rest_body(batch, (0, INSUFFICIENT)), mixed),
        "refused": (rest_body(batch, refused=INSUFFICIENT), refused),
    }


@forms
@pytest.mark.parametrize("framing", [http, chunked, until_close])
def test_a_rest_reply_cut_at_every_byte(form: Form, framing: Callable[[bytes], bytes]) -> None:
    async def main() -> int:
        tried = 0
        async with rest_bench() as bench:
            bench.server.hangs_up = framing is until_close
            batch = batch_of(form)
            for name, (body, whole_says) in replies(batch).items():
                bench.server.reply = reply = framing(body)
                for end in CUTS if name == "accepted" else (End.FIN,):
                    for cut in range(len(reply) + 1):
                        bench.proxy.arm(Fault(down=cut, end=end))
                        said = outcomes(await bench.send(batch))
                        allowed = {frozenset({Outcome.UNKNOWN})}
                        if cut == len(reply):
                            allowed = {frozenset(whole_says)}
                            if end is End.RST:  # may destroy what was not read yet
                                allowed.add(frozenset({Outcome.UNKNOWN}))
                        where = f"{name}, {end.name} after {cut} of {len(reply)} bytes"
                        assert said in allowed, f"{where}: {said}"
                        tried += 1
        return tried

    assert run(main()) > 600


# The trade socket.


@forms
def test_a_trade_socket_request_cut_at_every_byte(form: Form) -> None:
    async def main() -> Counter[Outcome]:
        found: Counter[Outcome] = Counter()
        async with trade_bench() as bench:
            batch = batch_of(form)
            bench.server.reply = lambda frame: socket_reply(batch, frame)
            whole, _ = await sizes(bench, batch, warm_up=1_000)
            for end in CUTS:
                for cut in range(whole + 1):
                    await in_peace(bench, batch)
                    bench.proxy.arm(Fault(up=cut, end=end))
                    said = outcomes(await bench.send(batch))
                    assert said == {Outcome.UNKNOWN}, f"{end.name} after {cut} of {whole}: {said}"
                    found.update(said)
        return found

    assert run(main())[Outcome.UNKNOWN] > 200


async def in_peace(bench: Bench, batch: Batch) -> None:
    """Logged in again, with nothing under way: the next bytes are those of a request."""
    bench.proxy.arm(CLEAN)
    assert outcomes(await bench.send(batch)) == {Outcome.ACK}


@forms
def test_a_trade_socket_reply_cut_at_every_byte(form: Form) -> None:
    async def main() -> int:
        tried = 0
        async with trade_bench() as bench:
            batch = batch_of(form)
            bench.server.reply = lambda frame: socket_reply(batch, frame)
            _, whole = await sizes(bench, batch, warm_up=1_000)
            for end in CUTS:
                for cut in range(whole + 1):
                    await in_peace(bench, batch)
                    bench.proxy.arm(Fault(down=cut, end=end))
                    said = outcomes(await bench.send(batch))
                    allowed = {Outcome.ACK, Outcome.UNKNOWN}
                    if cut < whole:
                        allowed = {Outcome.UNKNOWN}
                    elif end is End.FIN:
                        allowed = {Outcome.ACK}
                    assert said <= allowed, f"{end.name} after {cut} of {whole}: {said}"
                    tried += 1
        return tried

    assert run(main()) > 200

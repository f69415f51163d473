"""First contact: is the venue there, what time is it there, may the key trade, what is listed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from mmfast.clock import VenueClock
from mmfast.config import Config
from mmfast.errors import (
    AuthError,
    ConfigError,
    NotSent,
    OutcomeUnknown,
    RemoteProtocolError,
    TransportError,
    VenueError,
)
from mmfast.messages import Category, Instrument
from mmfast.net.rest import BybitRest
from mmfast.runtime.logs import say
from mmfast.typed_yaml import Faults
from mmfast.units import InstrumentIndex

CLOCK_SAMPLES: Final = 5
PARALLEL_QUERIES: Final = 8
MAX_SKEW_MS: Final = 500
_NO_ANSWER: Final = (NotSent, OutcomeUnknown)
_PARAMETER_ERROR: Final = 10001
_MONEY_RIGHTS: Final = ("Withdraw", "AccountTransfer", "SubMemberTransfer")


async def measure_clock(rest: BybitRest, url: str) -> None:
    """Several samples of the venue's clock; the one with the shortest round trip rules.

    Raises TransportError naming the address when there is no answer.
    """
    try:
        for _ in range(CLOCK_SAMPLES):
            await rest.server_time()
    except TransportError as error:
        raise TransportError(f"cannot reach the venue at {url}: {error}") from None


async def check_key(rest: BybitRest) -> None:
    """Ask what the key may do. Raises AuthError for a refused or read-only key, and warns of
    rights the engine does not need."""
    try:
        info = await rest.api_key_info()
    except AuthError:
        raise
    except (VenueError, RemoteProtocolError) as error:
        say(logging.WARNING, "key_rights", f"cannot read the rights of the key: {error}")
        return
    if info.read_only:
        raise AuthError(10005, "the key is read-only; trading needs the right to place orders")
    granted = [right for rights in info.permissions.values() for right in rights]
    money = [right for right in _MONEY_RIGHTS if right in granted]
    if money:
        text = f"the key may also {', '.join(money)}: use one that can only trade"
        say(logging.WARNING, "key_rights", text)


async def load_instruments(rest: BybitRest, config: Config) -> tuple[Instrument, ...]:
    """Filters of the configured symbols, aligned with them.

    Raises ConfigError naming every symbol the venue does not list; what the transport raises
    passes through.
    """
    category = Category[config.venue.category.upper()]
    faults: Faults = []
    found: list[Instrument] = []
    rows = list(enumerate(config.symbols))
    for start in range(0, len(rows), PARALLEL_QUERIES):
        chunk = rows[start : start + PARALLEL_QUERIES]
        answers = await asyncio.gather(
            *(rest.instruments(category, (row.symbol,)) for _, row in chunk),
            return_exceptions=True,
        )
        for (i, row), answer in zip(chunk, answers, strict=True):
            path = f"$.symbols[{i}].symbol"
            if isinstance(answer, tuple):
                instrument = answer[0]
                found.append(msgspec.structs.replace(instrument, index=InstrumentIndex(i)))
                if instrument.status != "Trading":
                    text = f"expected {row.symbol} to be Trading, found {instrument.status}"
                    faults.append((path, text))
            elif _not_listed(answer):
                text = f"expected an instrument the venue lists, found {row.symbol}: {answer}"
                faults.append((path, text))
            else:
                raise answer
    if faults:
        raise ConfigError(faults)
    return tuple(found)


async def read_instruments(rest: BybitRest, known: Sequence[Instrument]) -> tuple[Instrument, ...]:
    """The filters of known instruments as they are now, aligned; raises what the query raises."""
    fresh = await rest.instruments(known[0].category, [instrument.symbol for instrument in known])
    return tuple(
        msgspec.structs.replace(instrument, index=InstrumentIndex(i))
        for i, instrument in enumerate(fresh)
    )


def _not_listed(answer: BaseException) -> bool:
    """The venue refuses an unknown symbol, or answers with an empty list."""
    if isinstance(answer, VenueError):
        return answer.ret_code == _PARAMETER_ERROR
    return isinstance(answer, RemoteProtocolError)


async def keep_clock(rest: BybitRest, venue_clock: VenueClock, every_s: float) -> None:
    """Measure the venue's clock again and again; an unanswered sample is simply skipped."""
    warned = False
    while True:
        await asyncio.sleep(every_s)
        try:
            await rest.server_time()
        except (*_NO_ANSWER, VenueError, RemoteProtocolError) as error:
            say(logging.INFO, "clock", f"no clock sample: {error}")
            continue
        skewed = abs(venue_clock.skew_ms()) > MAX_SKEW_MS
        if skewed and not warned:
            say(logging.WARNING, "clock", f"this host's clock is off by {venue_clock.skew_ms()} ms")
        warned = skewed

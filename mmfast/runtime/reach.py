"""First contact: is the venue there, what time is it there, may the key trade, what is listed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from mmfast.bybit.rest import ApiKeyInfo
from mmfast.clock import Clock
from mmfast.config import Config
from mmfast.engine.params import NO_LIMIT
from mmfast.errors import (
    AuthError,
    ConfigError,
    MmfastError,
    NotListed,
    RemoteProtocolError,
    TransportError,
    VenueError,
)
from mmfast.messages import Category, Instrument
from mmfast.net.rest import BybitRest
from mmfast.runtime.direct_cancels import Ledger, cancel_of, send_cancels
from mmfast.runtime.logs import say
from mmfast.typed_yaml import Faults
from mmfast.units import NOT_OURS, ClientId, InstrumentIndex

CLOCK_SAMPLES: Final = 5
PARALLEL_QUERIES: Final = 8
STRAY_TRIES: Final = 5
"""So often in a row nothing may have gone."""
STRAY_WAIT_S: Final = 1.0
"""Then what the last try has spent is back, and who trades afterwards finds a whole budget."""
NOT_LISTED: Final = "NotListed"
_PARAMETER_ERROR: Final = 10001
_WITHDRAWAL: Final = "Withdraw"
_TRANSFERS: Final = ("AccountTransfer", "SubMemberTransfer")
_TRADING_RIGHTS: Final = frozenset({"Order", "DerivativesTrade"})
"""Either lets a key place derivative orders: the older name of the right, and that of the unified
account."""
_NOT_PERMITTED: Final = 10005
_ANY_ADDRESS: Final = "*"


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
    """Ask what the key may do.

    Raises AuthError for a key that is refused, read-only, without the right to trade derivatives,
    or with the right to withdraw: whoever steals that one takes the money, and no limit of ours
    stands against it. VenueError or RemoteProtocolError when the venue does not tell the rights:
    the key may be that one. Warns of transfer rights and of a key that any address may use.
    """
    try:
        info = await rest.api_key_info()
    except AuthError:
        raise
    except VenueError as error:
        raise VenueError(error.ret_code, _untold(error.ret_msg)) from None
    except RemoteProtocolError as error:
        raise RemoteProtocolError(_untold(str(error))) from None
    judge_rights(info)


def _untold(found: str) -> str:
    return (
        "expected the venue to tell the rights of the key (GET /v5/user/query-api), found "
        f"{found!r}; nothing is traded with a key that may do anything: start again"
    )


def judge_rights(info: ApiKeyInfo) -> None:
    """What :func:`check_key` does with the venue's answer."""
    if info.read_only:
        text = "the key is read-only; trading needs the right to place orders"
        raise AuthError(_NOT_PERMITTED, text)
    granted = {right for rights in info.permissions.values() for right in rights}
    if _WITHDRAWAL in granted:
        text = "the key may withdraw money; expected a key that can only trade: make a new one"
        raise AuthError(_NOT_PERMITTED, text)
    if not granted & _TRADING_RIGHTS:
        text = f"the key may not trade derivatives; expected {_either()}, found {sorted(granted)}"
        raise AuthError(_NOT_PERMITTED, text)
    transfers = [right for right in _TRANSFERS if right in granted]
    if transfers:
        text = f"the key may also {', '.join(transfers)}: use one that can only trade"
        say(logging.WARNING, "key_rights", text)
    if not info.ips or _ANY_ADDRESS in info.ips:
        text = "the key is bound to no address: whoever reads it can use it from anywhere"
        say(logging.WARNING, "key_address", text)


def _either() -> str:
    return " or ".join(sorted(_TRADING_RIGHTS))


async def load_instruments(rest: BybitRest, config: Config) -> tuple[Instrument, ...]:
    """Filters of the configured symbols, aligned with them.

    Raises ConfigError naming every symbol the venue does not list or does not trade; what the
    transport raises passes through.
    """
    category = Category[config.venue.category.upper()]
    faults: Faults = []
    found: list[Instrument] = []
    symbols = [row.symbol for row in config.symbols]
    answers = await _ask_each(rest, category, symbols, parallel=PARALLEL_QUERIES)
    for i, answer in enumerate(answers):
        path = f"$.symbols[{i}].symbol"
        if isinstance(answer, MmfastError):
            text = f"expected an instrument the venue lists, found {symbols[i]}: {answer}"
            faults.append((path, text))
        elif answer.status != Instrument.TRADING:
            faults.append((path, f"expected {symbols[i]} to be Trading, found {answer.status}"))
        else:
            found.append(msgspec.structs.replace(answer, index=InstrumentIndex(i)))
    if faults:
        raise ConfigError(faults)
    return tuple(found)


async def read_instruments(rest: BybitRest, known: Sequence[Instrument]) -> tuple[Instrument, ...]:
    """Known instruments as they are now, aligned; one that is gone has the status NotListed.

    One question at a time: nobody waits for the answers, and trading needs the connections.
    Raises what the transport raises, and RemoteProtocolError for an answer that cannot be read:
    it proves nothing about the instrument.
    """
    symbols = [row.symbol for row in known]
    answers = await _ask_each(rest, known[0].category, symbols, parallel=1)
    fresh: list[Instrument] = []
    for row, answer in zip(known, answers, strict=True):
        if isinstance(answer, Instrument):
            fresh.append(msgspec.structs.replace(answer, index=row.index))
        elif isinstance(answer, NotListed) or _unknown_symbol(answer):
            fresh.append(msgspec.structs.replace(row, status=NOT_LISTED))
        else:
            raise answer
    return tuple(fresh)


async def cancel_strays(
    rest: BybitRest, instruments: Sequence[Instrument], ledger: Ledger, clock: Clock
) -> None:
    """Cancel orders of ours that an earlier run, with other symbols, left on other instruments.

    The kernel knows only its own instruments; these orders would rest for ever. As many go at a
    time as ``ledger`` pays for. Raises TransportError if they will not go.
    """
    fewest, tries = NO_LIMIT, STRAY_TRIES
    while strays := await _strays(rest, instruments):
        tries = STRAY_TRIES if len(strays) < fewest else tries - 1
        fewest = min(fewest, len(strays))
        symbols = sorted({symbol for symbol, _ in strays})
        if not tries:
            text = f"own orders of an earlier run could not be cancelled on {symbols}"
            raise TransportError(text)
        say(logging.WARNING, "strays", f"cancelling {len(strays)} leftovers on other symbols")
        found = await rest.instruments(instruments[0].category, symbols)
        # Indices behind our own: these instruments exist for nothing but their cancels.
        index_of = {row.symbol: len(instruments) + row.index for row in found}
        for row in found:
            index = InstrumentIndex(index_of[row.symbol])
            rest.codec.replace(msgspec.structs.replace(row, index=index))
        await send_cancels(rest, ledger, clock, [cancel_of(index_of[s], i) for s, i in strays])
        await asyncio.sleep(STRAY_WAIT_S)


async def _strays(rest: BybitRest, instruments: Sequence[Instrument]) -> list[tuple[str, ClientId]]:
    """Open orders of ours on instruments other than these: symbol and id."""
    symbols = {instrument.symbol for instrument in instruments}
    ids = rest.codec.ids
    return [
        (symbol, client_id)
        for symbol, link_id in await rest.open_order_names(instruments)
        if symbol not in symbols and (client_id := ids.parse(link_id)) != NOT_OURS
    ]


async def _ask_each(
    rest: BybitRest, category: Category, symbols: Sequence[str], *, parallel: int
) -> list[Instrument | MmfastError]:
    """The filters of each symbol, or why the venue has none; ``parallel`` questions at a time.

    An answer that says nothing about the symbol (no connection, rate limit) is raised.
    """
    answers: list[Instrument | MmfastError] = []
    for start in range(0, len(symbols), parallel):
        chunk = symbols[start : start + parallel]
        results = await asyncio.gather(
            *(rest.instruments(category, (symbol,)) for symbol in chunk), return_exceptions=True
        )
        for result in results:
            if isinstance(result, tuple):
                answers.append(result[0])
            elif isinstance(result, RemoteProtocolError) or _unknown_symbol(result):
                assert isinstance(result, MmfastError)  # noqa: S101 - both are
                answers.append(result)
            else:
                raise result
    return answers


def _unknown_symbol(answer: BaseException) -> bool:
    return isinstance(answer, VenueError) and answer.ret_code == _PARAMETER_ERROR

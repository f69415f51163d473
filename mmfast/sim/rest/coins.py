"""Coin data over REST: clients read it at start, before they know an instrument.

The venue holds coins but stands on no chain: each coin has the one chain that carries its name,
closed for deposits and withdrawals.
"""

from __future__ import annotations

from typing import Final

from mmfast.sim.access.calls import Answer, Call, Route, Routes
from mmfast.sim.exchange.floor import Exchange
from mmfast.sim.exchange.tickets import text_of

Row = dict[str, object]

#: Balances are kept to so many decimals.
_ACCURACY: Final = "8"


class CoinCalls:
    """Queries about the coins one exchange's instruments are made of."""

    def __init__(self, exchange: Exchange) -> None:
        coins: dict[str, None] = {}
        for instrument in exchange.instruments:
            coins |= dict.fromkeys(
                (instrument.base_coin, instrument.quote_coin, instrument.settle_coin)
            )
        self._rows = {coin: _row(coin) for coin in coins}

    def routes(self) -> Routes:
        """Method and path of each call."""
        return {("GET", "/v5/asset/coin/query-info"): Route(self._coins)}

    def _coins(self, call: Call) -> Answer:
        """All coins, or the one asked for; a coin the venue does not know gives no row."""
        wanted = text_of(call.params, "coin")
        rows = [row for coin, row in self._rows.items() if wanted in ("", coin)]
        return Answer({"rows": rows})


def _row(coin: str) -> Row:
    """An empty ``withdrawFee`` is the venue's way to say that a coin cannot be withdrawn."""
    chain = {
        "chain": coin,
        "chainType": coin,
        "confirmation": "1",
        "withdrawFee": "",
        "depositMin": "0",
        "withdrawMin": "0",
        "minAccuracy": _ACCURACY,
        "chainDeposit": "0",
        "chainWithdraw": "0",
        "withdrawPercentageFee": "0",
        "contractAddress": "",
        "safeConfirmNumber": "1",
    }
    return {"name": coin, "coin": coin, "remainAmount": "0", "chains": [chain]}

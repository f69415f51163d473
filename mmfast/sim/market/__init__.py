"""One instrument's market: the order book, the house behind it, prices, bands, trades, candles."""

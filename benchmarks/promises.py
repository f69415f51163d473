"""What docs/performance.md promises, as times the in-run yardstick on a quiet machine.

The recorded baseline must keep it; a run must keep near to the baseline (see ``compare``).
"""

from __future__ import annotations

#: By stage and contender.
TIMES_THE_LIMIT = {
    ("sign_1k", "mmfast"): 1.2,
    ("sign_200", "mmfast"): 1.6,
    ("sign_1k", "mmfast pair"): 0.75,
    ("sign_1k", "mmfast request pair"): 0.75,
    ("sign_3400", "mmfast request pair"): 0.75,
    ("request_20", "mmfast rest"): 1.6,
    ("request_20", "mmfast ws"): 1.6,
    ("request_20_amend", "mmfast rest"): 1.6,
    ("request_20_amend", "mmfast ws"): 1.6,
    ("request_20_cancel", "mmfast ws"): 1.6,
    ("book_16", "mmfast"): 1.8,
    ("book_16_depth_1", "mmfast"): 1.8,
    ("book_16_depth_200", "mmfast"): 1.8,
    ("book_far_snapshots_depth_50", "mmfast"): 2.0,
    ("book_far_snapshots_depth_200", "mmfast"): 2.0,
    ("book_far_deltas_depth_50", "mmfast"): 2.0,
    ("book_far_deltas_depth_200", "mmfast"): 2.0,
    ("book_window_deltas_depth_50", "mmfast"): 2.0,
    ("book_window_deltas_depth_200", "mmfast"): 2.0,
    ("book_scattered_depth_50", "mmfast"): 2.0,
    ("book_scattered_depth_200", "mmfast"): 2.0,
    # Sixty nanoseconds a command where the limit is one and a half, or two.
    ("coalesce_put", "mmfast"): 40.0,
    ("coalesce_drain", "mmfast"): 27.0,
    ("coalesce_put_8000", "mmfast"): 40.0,
    ("coalesce_drain_8000", "mmfast"): 27.0,
    # A REST cancel is short: half of what it costs over the limit is the dict of its headers.
    ("request_20_cancel", "mmfast rest"): 1.8,
}

#: Against what a Python program would do instead. About half of what a quiet machine shows:
#: a race between unlike kinds of work is held against these in any weather.
TIMES_THE_PYTHON_WAY = {
    ("python_sign_200", "mmfast"): 1 / 2.5,
    ("python_sign_1024", "mmfast"): 1 / 1.7,
    ("python_sign_4096", "mmfast"): 1 / 1.2,
    ("python_sign_pair", "mmfast"): 1 / 1.15,
    ("python_book_50", "mmfast"): 1 / 7,
    ("python_book_200", "mmfast"): 1 / 10,
    ("python_book_1000", "mmfast"): 1 / 15,
    ("python_encode_json", "mmfast"): 1 / 12,
    ("python_encode_orjson", "mmfast"): 1 / 1.3,
    ("python_encode_decimals", "mmfast"): 1 / 10,
    ("python_request_20", "mmfast"): 1 / 5,
    ("python_coalesce_tick", "mmfast"): 1 / 8,
    ("python_decimal", "mmfast"): 1 / 3,
    ("python_private_20", "mmfast"): 1 / 1.3,
    ("python_reply_20", "mmfast"): 1 / 1.3,
}
"""Without SHA instructions OpenSSL's vector code may be the better signer."""

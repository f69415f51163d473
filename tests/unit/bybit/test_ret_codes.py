"""What a return code proves: the documented table, row by row."""

from __future__ import annotations

import pytest

from mmfast.bybit import ret_codes
from mmfast.bybit.ret_codes import RET_CODES, RetClass, class_of, error_for, outcome_of
from mmfast.errors import (
    AuthError,
    ClockSkewError,
    RateLimitError,
    UnknownRetCode,
    VenueError,
)
from mmfast.messages import Op, Outcome

#: The venue's published error codes that can answer a trading key, by what they prove. Written
#: down apart from the table under test, as ranges where the documents have ranges.
REFUSALS = """
10001 10017 10404 20006 3400045 30208 30209 110003 110094 110118 110120 110121 170124 170136
170137 170140 170148 170228 170229 170341 170132 170133 170134 170192-170194 170371 170372 170381
170382 110005 110018 110019 110032 110064 110092 110093 170313 170105 170115-170117 170121 170130
170145 170201 170312 110009 110020 170810 110024 110028 110029 110085-110087 30228 110063 110066
110074 110095-110100 110103 110115 110117 170151 170157 170159 170217 170218 110062 110065 110119
170355 110123-110125 110131 110132 110135-110137 110004 110006 110007 110012 110044 110045 110051
110052 110053 110011 110017 110021-110023 110040 110042 110046 110089 110090 170033 170034 170131
3400139 -2015 10003 10004 10005 10007 10008 10009 10010 10024 10027 10028 10029 33004 -1 10002
"""
THROTTLES = "10006 10403 20003 30035 170005 170222"
GONE = "110001 110008 110010 170139 170142 170143 170190 170213"
BUSY = "110079 170144 170191 170212"
UNPROVEN = """
429 10000 10014 10016 10019 10429 40004 110072 170001 170007 170032 170035 170141 170146 170147
170149 170150 170210 170234 170310 170311 3400214 20001 110025-110027 110043
"""


def codes(text: str) -> list[int]:
    found: list[int] = []
    for word in text.split():
        first, dash, last = word.rpartition("-")
        if dash and first:
            found.extend(range(int(first), int(last) + 1))
        else:
            found.append(int(word))
    return found


@pytest.mark.parametrize("op", list(Op))
def test_every_documented_code_proves_what_it_should(op: Op) -> None:
    expected = dict.fromkeys(codes(REFUSALS), Outcome.REJECT)
    expected |= dict.fromkeys(codes(THROTTLES), Outcome.THROTTLED)
    expected |= dict.fromkeys(codes(UNPROVEN), Outcome.UNKNOWN)
    # "No such order" and "order is busy" say nothing about a create.
    of_existing = op != Op.PLACE
    expected |= dict.fromkeys(codes(GONE), Outcome.GONE if of_existing else Outcome.UNKNOWN)
    expected |= dict.fromkeys(codes(BUSY), Outcome.REJECT if of_existing else Outcome.UNKNOWN)
    expected[0] = Outcome.ACK
    assert {code: outcome_of(code, op) for code in expected} == expected
    assert set(RET_CODES) == set(expected)


@pytest.mark.parametrize("code", [1, 110, 99999, 176007, 182000, -3, 200])
@pytest.mark.parametrize("op", list(Op))
def test_an_unlisted_code_proves_nothing(code: int, op: Op) -> None:
    assert outcome_of(code, op) is Outcome.UNKNOWN
    assert class_of(code) is None


def test_only_code_zero_is_an_ack() -> None:
    acks = {code for code in range(-5000, 200_000) if outcome_of(code, Op.PLACE) is Outcome.ACK}
    assert acks == {0}


def test_a_code_with_two_rows_is_refused_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*ret_codes._ROWS, (RetClass.PERM, (110001,)))
    monkeypatch.setattr(ret_codes, "_ROWS", rows)
    with pytest.raises(ValueError, match="110001 stands twice"):
        ret_codes._table()


def test_the_trade_socket_reads_10003_as_too_many_sessions() -> None:
    assert outcome_of(10003, Op.PLACE) is Outcome.REJECT
    assert outcome_of(10003, Op.PLACE, trade_socket=True) is Outcome.THROTTLED
    assert outcome_of(10004, Op.PLACE, trade_socket=True) is Outcome.REJECT


def test_a_request_id_used_twice_proves_nothing_on_the_trade_socket() -> None:
    """We use none twice, so the request itself came twice, and the first one may live."""
    for op in Op:
        assert outcome_of(20006, op, trade_socket=True) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (10004, AuthError),
        (33004, AuthError),
        (10002, ClockSkewError),
        (10006, RateLimitError),
        (424242, UnknownRetCode),
        (10001, VenueError),
        (10016, VenueError),
    ],
)
def test_a_refused_query_raises_by_class(code: int, kind: type[VenueError]) -> None:
    error = error_for(code, "because", request_id="order/realtime", retry_at_ns=77)
    assert type(error) is kind
    assert (error.ret_code, error.ret_msg) == (code, "because")
    assert "order/realtime" in str(error)
    if isinstance(error, RateLimitError):
        assert error.retry_at_ns == 77

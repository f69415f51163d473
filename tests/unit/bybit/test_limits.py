"""The venue's rate headers, in whatever case they come."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from mmfast.bybit.limits import rate_info
from mmfast.messages import NO_RATE_INFO, RateInfo


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@pytest.mark.parametrize("mapping", [dict, CIMultiDict])
def test_the_case_of_names_does_not_matter(change: object, mapping: type) -> None:
    assert callable(change)
    headers = mapping(
        {
            change("Content-Type"): "application/json",
            change("X-Bapi-Limit"): "10",
            change("X-Bapi-Limit-Status"): "9",
            change("X-Bapi-Limit-Reset-Timestamp"): "1672738134824",
        }
    )
    assert rate_info(headers) == RateInfo(10, 9, 1672738134824)


def test_missing_and_senseless_values_are_not_told() -> None:
    assert rate_info({}) == NO_RATE_INFO
    odd = {"X-Bapi-Limit": "ten", "X-Bapi-Limit-Status": "-1", "X-Bapi-Limit-Reset-Timestamp": ""}
    assert rate_info(odd) == NO_RATE_INFO
    assert rate_info({"X-Bapi-Limit": "9" * 400}).limit == -1
    assert rate_info({"x-bapi-limit": "\u0663"}).limit == -1

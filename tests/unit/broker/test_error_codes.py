"""What an error code may and may not do to an order, a request and the link."""

import pytest

from hydra.broker.error_codes import LinkNotice, ends_request, farm_of, link_notice, order_meaning
from hydra.domain.evidence import ErrorMeaning

# Codes on which the client library marks a live order Cancelled; each was seen on orders that then filled.
LIVE_ORDER_CODES = (10349, 10148, 10147, 161, 10311, 399, 2109, 404, 354, 2102)


@pytest.mark.parametrize("code", LIVE_ORDER_CODES)
def test_a_code_seen_on_live_orders_never_ends_one(code: int) -> None:
    assert order_meaning(code) in (ErrorMeaning.WARNING, ErrorMeaning.DOUBT)


@pytest.mark.parametrize("code", [103, 110, 200, 201, 203])
def test_a_refusal_of_the_order_itself_is_a_rejection(code: int) -> None:
    assert order_meaning(code) is ErrorMeaning.REJECTED


def test_202_is_the_only_code_that_says_cancelled() -> None:
    said = [code for code in range(1, 20_000) if order_meaning(code) is ErrorMeaning.CANCELLED]
    assert said == [202]


def test_an_unlisted_code_leaves_the_order_in_doubt() -> None:
    assert order_meaning(7777) is ErrorMeaning.DOUBT


def test_an_override_wins_over_the_table() -> None:
    assert order_meaning(10148, {10148: ErrorMeaning.WARNING}) is ErrorMeaning.WARNING


@pytest.mark.parametrize("code", [321, 165, 162, 200, 354, 10168, 9999])
def test_a_refusal_of_a_request_ends_it_also_where_the_library_would_wait_for_ever(code: int) -> None:
    assert ends_request(code)


@pytest.mark.parametrize("code", [10167, 399, 2104, 2107])
def test_a_notice_on_a_request_does_not_end_it(code: int) -> None:
    assert not ends_request(code)


@pytest.mark.parametrize(
    ("code", "notice"),
    [
        (1100, LinkNotice.LOST),
        (2110, LinkNotice.LOST),
        (1101, LinkNotice.RESTORED_DATA_LOST),
        (1102, LinkNotice.RESTORED),
        (2103, LinkNotice.FARM_BROKEN),
        (2105, LinkNotice.FARM_BROKEN),
        (2157, LinkNotice.FARM_BROKEN),
        (2104, LinkNotice.FARM_OK),
        (2106, LinkNotice.FARM_OK),
        (2158, LinkNotice.FARM_OK),
        (2107, LinkNotice.FARM_OK),
        (2108, LinkNotice.FARM_OK),
        (326, LinkNotice.ID_IN_USE),
        (2100, LinkNotice.OTHER),
    ],
)
def test_the_link_codes_have_their_class(code: int, notice: LinkNotice) -> None:
    assert link_notice(code) is notice


def test_a_farm_is_named_after_the_last_colon() -> None:
    assert farm_of("Market data farm connection is broken:usfuture") == "usfuture"
    assert farm_of("La connexion à la ferme est interrompue") == ""

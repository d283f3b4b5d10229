"""The account's value from the account summary; what is missing makes it Unknown, never zero."""

from collections.abc import Callable
from decimal import Decimal
from typing import cast

from hydra.broker.connection import Connection
from hydra.broker.intake import Books
from hydra.broker.translate import decimal_of
from hydra.ports import AccountState, Unknown

EQUITY, AVAILABLE, MARGIN = "NetLiquidation", "AvailableFunds", "InitMarginReq"
_TAGS = (EQUITY, AVAILABLE, MARGIN)
_CURRENCY = "USD"


async def account_state(
    books: Books, connection: Connection, next_id: Callable[[], int]
) -> AccountState | Unknown:
    """Equity, funds and margin of the account, in USD."""
    client, account = connection.client, connection.intake.account
    req_id = next_id()
    rows = await connection.requests.ask(
        req_id,
        lambda: client.reqAccountSummary(req_id, "All", ",".join(_TAGS)),
        books.options.request_timeout_s,
    )
    if connection.is_up:
        client.cancelAccountSummary(req_id)
    if not isinstance(rows, list):
        text = rows.reason if isinstance(rows, Unknown) else f"refused with {rows.code} {rows.text}"
        return Unknown(f"account summary: {text}")
    told = {
        (tag, currency): amount
        for of, tag, value, currency in cast(list[tuple[str, str, str, str]], rows)
        if of == account and (amount := decimal_of(value)) is not None
    }
    missing = [tag for tag in _TAGS if (tag, _CURRENCY) not in told]
    if missing:
        return Unknown(f"account summary of {account} lacks {', '.join(missing)} in {_CURRENCY}")
    amounts: dict[str, Decimal] = {tag: told[tag, _CURRENCY] for tag in _TAGS}
    return AccountState(account, amounts[EQUITY], amounts[AVAILABLE], amounts[MARGIN], books.clock.now())

"""Market data: the bars that are missing, into the bar store."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows.options import FLOW, SYMBOLS, Symbols
from tasks.data import update_bars


@flow(name="market-data", flow_run_name="market data", **FLOW)
async def market_data(
    symbols: Symbols = SYMBOLS, days: Annotated[int, Field(ge=5, le=2_500)] = 400
) -> State[Any]:
    """Fetch what the bar store lacks of the traded expiries. Run it at any moment: it asks only for that.

    Args:
        symbols: Symbols whose traded expiry is fetched.
        days: Weekdays back from yesterday that the store should have.
    """
    rows = await update_bars(symbols, days)
    problems = [f"{row['series']}: {row['problem']}" for row in rows if row["problem"]]
    if problems:
        return Failed(message="; ".join(problems))
    return Completed(message=f"{sum(row['added'] for row in rows)} bar(s) added in {len(rows)} series")

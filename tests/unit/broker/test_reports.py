"""Reports keep their order, wake their reader, and are told again only when the broker pushes them again."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from hydra.broker.reports import Inbox
from hydra.domain.evidence import ExecutionReport, StatusReport
from hydra.domain.quantity import Side


def execution(exec_id: str) -> ExecutionReport:
    at = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    ref = "H-20261120-ZO-1-C01"
    return ExecutionReport(exec_id, 1, 7, 9, ref, 5, "ZO", Side.BUY, 1, Decimal(380), at, False, 1.0)


STATUS = StatusReport(1, 7, 9, "Submitted", 0, 1, 1.0)


def test_reports_are_drained_in_their_order_once() -> None:
    inbox = Inbox()
    inbox.put(execution("a.01"))
    inbox.put(STATUS)
    assert inbox.drain() == (execution("a.01"), STATUS)
    assert inbox.drain() == ()


def test_an_execution_told_on_request_is_news_only_once() -> None:
    inbox = Inbox()
    inbox.put(execution("a.01"))
    inbox.put_if_new(execution("a.01"))
    inbox.put_if_new(execution("a.02"))
    inbox.put_if_new(execution("a.02"))
    assert [one.exec_id for one in inbox.drain() if isinstance(one, ExecutionReport)] == ["a.01", "a.02"]


def test_an_execution_pushed_twice_is_handed_on_twice() -> None:
    inbox = Inbox()
    inbox.put(execution("a.01"))
    inbox.put(execution("a.01"))
    assert len(inbox.drain()) == 2


def test_a_waiter_returns_at_once_while_something_is_unread() -> None:
    async def scene() -> None:
        inbox = Inbox()
        inbox.put(STATUS)
        assert await inbox.wait(0.0)
        assert await inbox.wait(0.0), "still unread"
        inbox.drain()
        assert not await inbox.wait(0.0)

    asyncio.run(scene())


def test_every_waiter_is_woken() -> None:
    async def scene() -> None:
        inbox = Inbox()
        waiting = [asyncio.ensure_future(inbox.wait(1.0)) for _ in range(3)]
        await asyncio.sleep(0)
        inbox.ring()
        assert await asyncio.gather(*waiting) == [True] * 3

    asyncio.run(scene())

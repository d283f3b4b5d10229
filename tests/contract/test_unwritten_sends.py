"""A commit that failed while a child was promised: the next child may bear its reference, so it waits.

Found by a world (seed 463): the retry sent the child, which was then called NOT_SENT.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hydra.domain.order import ChildState
from hydra.domain.parent import ParentOrder
from hydra.execution.decide import Place
from hydra.risk.last_hop import LastHop
from hydra.usecases.desk import Desk
from hydra.usecases.trade import send_child
from tests.contract import ledger_facts
from tests.contract.ledger_facts import Hands, opened_ledger

ANY = cast(Any, None)  # whoever asked the broker, the gate or the clock here would fail


@pytest.fixture
def books(tmp_path: Path) -> Iterator[ledger_facts.Desk]:
    hands = Hands()
    ledger = opened_ledger(tmp_path / "ledger.db", hands)
    yield ledger_facts.Desk(ledger, hands)
    ledger.close()


def after_a_failed_commit(books: ledger_facts.Desk, parent: ParentOrder) -> Desk:
    desk = Desk(books.ledger, ANY, ANY, ANY, ANY, books.lease, ANY, ANY, LastHop())
    desk.parents[parent.parent_id] = parent
    desk.never_written[f"H-{parent.parent_id}-C01"] = parent.parent_id
    return desk


def test_where_nothing_was_written_the_next_look_may_send(books: ledger_facts.Desk) -> None:
    parent = books.opened()
    desk = after_a_failed_commit(books, parent)
    assert not send_child(desk, parent, cast(Place, ANY))
    assert desk.never_written == {}
    assert books.reload(parent).children == parent.children == ()


def test_where_the_promise_is_there_it_is_called_not_sent_before_anything_follows(
    books: ledger_facts.Desk,
) -> None:
    parent = books.opened()
    written = books.sent(parent)
    desk = after_a_failed_commit(books, parent)
    assert not send_child(desk, parent, cast(Place, ANY))
    assert desk.never_written == {}
    (child,) = books.reload(written).children
    assert child.state is ChildState.NOT_SENT
    assert desk.parents[parent.parent_id] == books.reload(written)

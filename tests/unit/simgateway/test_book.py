from hypothesis import given
from hypothesis import strategies as st

from hydra.simgateway.book import BUY, SELL, Book, Order


def rest(book: Book, key: int, side: int, price: int, qty: int) -> Order:
    order = Order(key, side, price, qty)
    book.rest(order)
    return order


def test_an_order_behind_three_lots_trades_only_after_three_lots_traded_there() -> None:
    book = Book()
    rest(book, 0, BUY, 100, 2)
    rest(book, 0, BUY, 100, 1)
    own = rest(book, 7, BUY, 100, 2)
    assert book.ahead(own) == 3
    assert [m.resting.key for m in book.match(SELL, 3, 100)] == [0, 0]
    assert own.leaves == 2
    assert book.ahead(own) == 0
    fourth = book.match(SELL, 1, 100)
    assert [(m.resting.key, m.qty, m.price) for m in fourth] == [(7, 1, 100)]


def test_better_prices_trade_first_and_at_their_own_price() -> None:
    book = Book()
    for price in (103, 101, 102):
        rest(book, 0, SELL, price, 1)
    assert [m.price for m in book.match(BUY, 5, 102)] == [101, 102]
    assert book.depth(SELL) == [(103, 1)]


def test_zero_and_negative_prices_are_prices_like_any_other() -> None:
    book = Book()
    rest(book, 0, BUY, -2, 1)
    zero = rest(book, 1, BUY, 0, 1)
    rest(book, 0, SELL, 1, 1)
    assert (book.best(BUY), book.best(SELL)) == (0, 1)
    assert book.ahead(zero) == 0
    assert [m.price for m in book.match(SELL, 2, -2)] == [0, -2]


def test_removing_an_order_moves_up_those_behind_it_and_works_once() -> None:
    book = Book()
    first, second = rest(book, 1, SELL, 50, 4), rest(book, 2, SELL, 50, 1)
    assert book.remove(first)
    assert not book.remove(first)
    assert book.ahead(second) == 0
    assert book.size(SELL) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from((BUY, SELL)), st.integers(-4, 4), st.integers(1, 5), st.booleans(), st.booleans()
        ),
        max_size=60,
    )
)
def test_whatever_comes_the_book_agrees_with_a_slow_one_and_is_never_crossed(
    orders: list[tuple[int, int, int, bool, bool]],
) -> None:
    book = Book()
    slow: list[Order] = []  # in order of arrival; the oracle sorts it afresh each time
    for key, (side, price, qty, market, pull) in enumerate(orders, start=1):
        if pull and slow:
            gone = slow.pop(qty % len(slow))
            assert book.remove(gone)
            continue
        limit = None if market else price
        expected: list[tuple[int, int, int]] = []
        left = qty
        for other in sorted((o for o in slow if o.side == -side), key=lambda o: side * (o.price or 0)):
            if left and (limit is None or side * (other.price or 0) <= side * limit):
                lots = min(left, other.leaves)
                expected.append((other.key, lots, other.price or 0))
                left -= lots
        incoming = Order(key, side, limit, qty)
        done = book.match(side, qty, limit)
        assert [(m.resting.key, m.qty, m.price) for m in done] == expected
        slow = [o for o in slow if o.leaves]
        incoming.leaves = left
        if left and limit is not None:
            book.rest(incoming)
            slow.append(incoming)
        bid, ask = book.best(BUY), book.best(SELL)
        assert bid is None or ask is None or bid < ask
        assert bid == max((o.price for o in slow if o.side == BUY and o.price is not None), default=None)
        assert book.size(SELL) == sum(o.leaves for o in slow if o.side == SELL and o.price == ask)

"""An order as the real client writes it is read to its last field, and told back as it was."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_async import ComboLeg, Contract, Order, OrderCondition, TagValue
from ib_async.client import Client
from ib_async.contract import DeltaNeutralContract
from ib_async.order import (
    ExecutionCondition,
    OrderComboLeg,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)

from hydra.simgateway import contract_messages
from hydra.simgateway.order_messages import (
    DEFAULTS,
    read_place_order,
    write_completed_order,
    write_open_order,
)
from hydra.simgateway.tables import Values
from tests.unit.simgateway.test_messages import CONTRACT, VERSIONS, decoded


def sent(contract: Contract, order: Order, version: int) -> list[str]:
    """The fields ib_async's client puts on the wire for an order."""
    client = Client(SimpleNamespace())
    client.connState = Client.CONNECTED
    client._serverVersion = version
    written: list[str] = []
    client.sendMsg = written.append
    client.placeOrder(17, contract, order)
    return written[0].removesuffix("\0").split("\0")


def future(**given: Any) -> Contract:
    return Contract(
        secType="FUT", conId=CONTRACT.con_id, symbol="ZO", exchange="CBOT", currency="USD", **given
    )


HARD_ORDERS = {
    "plain": (future(), Order(orderType="LMT", lmtPrice=385.25)),
    "market": (future(), Order(orderType="MKT")),
    "negative": (future(), Order(orderType="LMT", lmtPrice=-0.25)),
    "hedge": (future(), Order(orderType="LMT", lmtPrice=1.0, hedgeType="D", hedgeParam="2")),
    "scale": (
        future(),
        Order(
            orderType="LMT", lmtPrice=1.0, scalePriceIncrement=0.5, scaleAutoReset=True, scaleInitPosition=3
        ),
    ),
    "algo": (
        future(),
        Order(
            orderType="LMT",
            lmtPrice=1.0,
            algoStrategy="Twap",
            algoParams=[TagValue("a", "1"), TagValue("b", "2")],
        ),
    ),
    "delta neutral": (
        future(deltaNeutralContract=DeltaNeutralContract(5, 0.5, 2.0)),
        Order(orderType="VOL", deltaNeutralOrderType="LMT", deltaNeutralConId=8, volatility=0.2),
    ),
    "conditions": (
        future(),
        Order(
            orderType="LMT",
            lmtPrice=1.0,
            conditions=[
                PriceCondition(1, "a", True, 5.0, 3, "CBOT", 0),
                TimeCondition(3, "o", True, "20261123 10:00:00 UTC"),
                OrderCondition.createClass(4)(4, "a", True, 30),
                ExecutionCondition(5, "a", "FUT", "CBOT", "ZO"),
                VolumeCondition(6, "a", True, 100, 3, "CBOT"),
                PercentChangeCondition(7, "a", True, 1.0, 3, "CBOT"),
            ],
        ),
    ),
    "peg best": (future(), Order(orderType="PEG BEST", minCompeteSize=10, competeAgainstBestOffset=math.inf)),
    "peg mid": (future(), Order(orderType="PEG MID", midOffsetAtWhole=0.1)),
    "peg bench": (future(), Order(orderType="PEG BENCH", referenceContractId=4, referenceExchangeId="X")),
    "combo": (
        Contract(
            secType="BAG",
            symbol="ZO",
            exchange="CBOT",
            comboLegs=[ComboLeg(1, 1, "BUY", "CBOT"), ComboLeg(2, 1)],
        ),
        Order(
            orderType="LMT",
            lmtPrice=1.0,
            orderComboLegs=[OrderComboLeg(1.5), OrderComboLeg(2.5)],
            smartComboRoutingParams=[TagValue("NonGuaranteed", "1")],
        ),
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", HARD_ORDERS, ids=str)
def test_every_shape_of_order_is_read_to_its_last_field(case: str, version: int) -> None:
    contract, order = HARD_ORDERS[case]
    order.action, order.totalQuantity, order.tif, order.orderRef = "SELL", 3, "GTD", "H-1"
    order.goodTillDate, order.whatIf, order.discretionaryUpToLimitPrice = "20261123-15:00:00", True, True
    fields = sent(contract, order, version)
    values = read_place_order([*fields, "beyond"], version)
    got = values.fields
    assert (got["orderId"], got["action"], got["totalQuantity"]) == ("17", "SELL", "3")
    assert (got["tif"], got["goodTillDate"], got["orderRef"]) == ("GTD", "20261123-15:00:00", "H-1")
    assert (got["whatIf"], got["discretionaryUpToLimitPrice"]) == ("1", "1")
    with pytest.raises(Exception, match="missing"):
        read_place_order(fields[:-1], version)


def test_a_plain_order_at_178_has_114_fields() -> None:
    assert len(sent(*HARD_ORDERS["plain"], 178)) == 114


ECHOED = {
    "action": "SELL",
    "totalQuantity": "3",
    "orderType": "LMT",
    "lmtPrice": "-0.25",
    "tif": "GTD",
    "goodTillDate": "20261123-15:00:00",
    "account": "DUSIM001",
    "orderRef": "H-1",
    "clientId": "5",
    "permId": "1400000001",
    "status": "Submitted",
    "outsideRth": "1",
    "algoStrategy": "Twap",
    "hedgeType": "D",
    "hedgeParam": "2",
    "scalePriceIncrement": "0.5",
    "scaleInitPosition": "4",
    "commission": "1.5",
    "initMarginChange": "2000.00",
}
ROWS = {"algoParams": [["a", "1"], ["b", "2"]], "conditions": [["3", "a", "1", "20261123 10:00:00 UTC"]]}


@pytest.mark.parametrize("version", VERSIONS)
def test_open_order(version: int) -> None:
    values = Values(dict(ECHOED), dict(ROWS))
    ((_, (order_id, contract, order, state)),) = decoded(
        write_open_order(9, contract_messages.block(CONTRACT), values, version), version
    )
    assert (order_id, order.permId, order.clientId, order.orderRef) == (9, 1400000001, 5, "H-1")
    assert (order.action, order.totalQuantity, order.lmtPrice, order.tif) == ("SELL", 3.0, -0.25, "GTD")
    assert (order.goodTillDate, order.outsideRth, order.hedgeParam) == ("20261123-15:00:00", True, "2")
    assert [(param.tag, param.value) for param in order.algoParams] == [("a", "1"), ("b", "2")]
    assert (order.scaleInitPosition, order.conditions[0].time) == (4, "20261123 10:00:00 UTC")
    assert (state.status, state.commission, state.initMarginChange) == ("Submitted", 1.5, "2000.00")
    assert contract.conId == CONTRACT.con_id


@pytest.mark.parametrize("version", VERSIONS)
def test_completed_order_has_neither_order_nor_client_id(version: int) -> None:
    done = {
        "status": "Filled",
        "filledQuantity": "3",
        "completedTime": "t",
        "completedStatus": "Filled Size: 3",
    }
    values = Values({**ECHOED, **done}, dict(ROWS))
    ((_, (contract, order, state)),) = decoded(
        write_completed_order(contract_messages.block(CONTRACT), values, version), version
    )
    assert (order.orderId, order.clientId, order.permId, order.orderRef) == (0, 0, 1400000001, "H-1")
    assert (order.filledQuantity, state.status, state.completedStatus) == (3.0, "Filled", "Filled Size: 3")
    assert (contract.conId, order.tif, order.lmtPrice) == (CONTRACT.con_id, "GTD", -0.25)


NUMERIC = st.sampled_from(
    ["lmtPrice", "auxPrice", "displaySize", "minQty", "percentOffset", "volatility", "cashQty"]
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.dictionaries(NUMERIC, st.integers(1, 10**6)), st.sampled_from(VERSIONS))
def test_whatever_numbers_an_order_brings_come_back_in_open_order(
    given_: dict[str, int], version: int
) -> None:
    contract, order = future(), Order(orderType="VOL", action="BUY", totalQuantity=1)
    for name, value in given_.items():
        setattr(order, name, value)
    placed = read_place_order(sent(contract, order, version), version).fields
    shown = {name: value for name, value in placed.items() if value or name in DEFAULTS}
    ((_, (_, _, back, _)),) = decoded(
        write_open_order(17, contract_messages.block(CONTRACT), Values(shown), version), version
    )
    assert {name: getattr(back, name) for name in given_} == given_

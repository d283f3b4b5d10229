"""Do the gateway's own books and our ledger agree? Run as `python compare_books.py BOOKS.json LEDGER.jsonl`.

It imports nothing but the standard library on purpose: an oracle that shared code with what it judges would
share its mistakes. BOOKS is what `hydra gateway books --json` prints, LEDGER what `hydra ledger export
--json` prints. Prints one JSON object; exit 0 if they agree exactly, 1 if not, 2 if a file is unreadable.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any

SIGN = {"BUY": 1, "SELL": -1}
Books = dict[str, list[dict[str, Any]]]
Events = list[dict[str, Any]]
Problems = list[str]
Fact = tuple[str, str, int, Decimal]


def root_of(exec_id: str) -> tuple[str, int]:
    """The root of an execution id and its revision, the number after the last dot."""
    root, dot, last = exec_id.rpartition(".")
    return (root, int(last)) if dot and last.isdigit() else (exec_id, 0)


def newest(executions: Events, qty_key: str, px_key: str) -> dict[str, tuple[int, int, Fact]]:
    """By root, the execution of the highest revision as (order_ref, side, lots, price)."""
    kept: dict[str, tuple[int, int, Fact]] = {}
    for one in executions:
        root, revision = root_of(one["exec_id"])
        if root not in kept or kept[root][0] < revision:
            fact = (one["order_ref"], one["side"], int(one[qty_key]), Decimal(str(one[px_key])))
            kept[root] = (revision, one["con_id"], fact)
    return kept


def is_foreign(order: dict[str, Any]) -> bool:
    """Whether the broker made this order itself: no client is number 0, none sends without a reference."""
    return order.get("client_id") == 0 and not order["order_ref"]


def booked_once(events: Events) -> Problems:
    """Every ChildFilled stands once: the same execution id in two events is a double booking."""
    ids = Counter(event["payload"]["exec_id"] for event in events if event["kind"] == "ChildFilled")
    return [f"{exec_id} is booked {count} times" for exec_id, count in ids.items() if count > 1]


def sent_once(books: Books) -> Problems:
    """One placeOrder frame an order_ref, whatever the gateway answered; one order an order_ref."""
    frames = Counter(frame["order_ref"] for frame in books["frames"] if frame["kind"] != "cancelOrder")
    orders = Counter(order["order_ref"] for order in books["orders"] if not is_foreign(order))
    found = [f"{ref} was sent {count} times" for ref, count in frames.items() if count > 1]
    return found + [f"{ref} is {count} orders" for ref, count in orders.items() if count > 1]


def promised_before(books: Books, sendings: dict[str, dict[str, Any]]) -> Problems:
    """Every order and every frame has a ChildSending of the same size, recorded earlier."""
    problems = []
    for order in books["orders"]:
        sending = sendings.get(order["order_ref"])
        if is_foreign(order):
            continue
        if sending is None:
            problems.append(f"{order['order_ref']} has no ChildSending")
            continue
        promised = sending["payload"]
        if (promised["side"], promised["qty"]) != (order["side"], order["qty"]):
            problems.append(f"{order['order_ref']} is {order['side']} {order['qty']}, promised was otherwise")
    for frame in books["frames"]:
        sending = sendings.get(frame["order_ref"])
        if frame["kind"] == "cancelOrder" or sending is None:
            continue
        if datetime.fromisoformat(sending["recorded_at"]) > datetime.fromisoformat(frame["at"]):
            problems.append(f"{frame['order_ref']} was sent before its ChildSending was recorded")
    return problems


def lost(books: Books, events: Events) -> Problems:
    """What the gateway did and the ledger does not say, and the other way round, execution by execution."""
    booked = ("ChildFilled", "ForeignExecutionBooked")
    fills = [event["payload"] for event in events if event["kind"] in booked]
    theirs, ours = newest(books["executions"], "qty", "price"), newest(fills, "last_qty", "last_px")
    problems = [f"execution {root} is not in the ledger" for root in theirs.keys() - ours.keys()]
    problems += [f"execution {root} is unknown to the gateway" for root in ours.keys() - theirs.keys()]
    for root in theirs.keys() & ours.keys():
        if theirs[root] != ours[root]:
            problems.append(f"execution {root}: gateway {theirs[root]}, ledger {ours[root]}")
    return problems


def positions_differ(books: Books, events: Events) -> Problems:
    """Positions by the gateway against those that the ledger's facts add up to."""
    ours: dict[int, int] = defaultdict(int)
    fills = [event["payload"] for event in events if event["kind"] == "ChildFilled"]
    foreign = [event["payload"] for event in events if event["kind"] == "ForeignExecutionBooked"]
    for _, con_id, (_, side, lots, _) in newest([*fills, *foreign], "last_qty", "last_px").values():
        ours[con_id] += SIGN[side] * lots
    for event in events:
        if event["kind"] == "PositionAdopted":
            ours[event["payload"]["con_id"]] += int(event["payload"]["lots"])
    theirs = {row["con_id"]: int(row["qty"]) for row in books["positions"]}
    return [
        f"contract {con_id}: gateway {theirs.get(con_id, 0)}, ledger {ours.get(con_id, 0)}"
        for con_id in sorted({*theirs, *ours})
        if theirs.get(con_id, 0) != ours.get(con_id, 0)
    ]


def parent_of(order_ref: str) -> str:
    """The parent inside an order reference: `H-20261123-ZO-1-C03` -> `20261123-ZO-1`."""
    return order_ref.removeprefix("H-").rpartition("-C")[0]


def approvals(events: Events) -> dict[str, int]:
    """Lots approved, by parent."""
    opened = [event["payload"] for event in events if event["kind"] == "ParentOpened"]
    return {one["parent_id"]: int(one["order_qty"]) for one in opened}


def overcommitted(books: Books, events: Events) -> Problems:
    """At no order's acceptance did lots filled and lots working together exceed what was approved."""
    approved, problems = approvals(events), []
    ours = [order for order in books["orders"] if not is_foreign(order) and order.get("accepted_at")]
    for order in ours:
        parent, at = parent_of(order["order_ref"]), datetime.fromisoformat(order["accepted_at"])
        lots = 0
        for other in ours:
            if parent_of(other["order_ref"]) != parent or datetime.fromisoformat(other["accepted_at"]) > at:
                continue
            ended_at = other.get("ended_at")
            is_over = ended_at is not None and datetime.fromisoformat(ended_at) <= at
            lots += int(other["filled"] if is_over and other is not order else other["qty"])
        if lots > approved.get(parent, 0):
            problems.append(
                f"{order['order_ref']}: {lots} lots filled or working, {approved.get(parent, 0)} approved"
            )
    return problems


def overfilled(books: Books, events: Events) -> Problems:
    """No parent has more executed at the gateway than was approved for it."""
    approved = approvals(events)
    done: dict[str, int] = defaultdict(int)
    for _, _, (order_ref, _, lots, _) in newest(books["executions"], "qty", "price").values():
        if not order_ref:
            continue  # foreign: compared with what the ledger booked as such, and with the positions
        done[parent_of(order_ref)] += lots
    return [
        f"{parent}: {lots} lots executed, {approved.get(parent, 0)} approved"
        for parent, lots in done.items()
        if lots > approved.get(parent, 0)
    ]


def still_working(books: Books) -> Problems:
    """Orders that are alive at the gateway after the session's end."""
    alive = ("Submitted", "PreSubmitted", "PendingSubmit", "PendingCancel")
    return [f"{order['order_ref']} is still working" for order in books["orders"] if order["status"] in alive]


def compare(books: Books, events: Events) -> dict[str, Any]:
    """Every difference, by kind."""
    sendings = {event["payload"]["order_ref"]: event for event in events if event["kind"] == "ChildSending"}
    duplicates = sent_once(books) + booked_once(events)
    missing = lost(books, events)
    rest = promised_before(books, sendings) + positions_differ(books, events) + overfilled(books, events)
    rest += overcommitted(books, events) + still_working(books)
    return {
        "equal": not (duplicates or missing or rest),
        "orders": len(books["orders"]),
        "executions": len(books["executions"]),
        "duplicates": len(duplicates),
        "lost": len(missing),
        "problems": duplicates + missing + rest,
    }


def main(argv: list[str]) -> int:
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(argv[1], encoding="utf-8") as file:
            books = json.load(file)
        with open(argv[2], encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    result = compare(books, events)
    print(json.dumps(result))
    return 0 if result["equal"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""Do the gateway's own books and our ledger agree? Run as `python compare_books.py BOOKS.json LEDGER.jsonl`.

It imports nothing but the standard library on purpose: an oracle that shared code with what it judges would
share its mistakes. BOOKS is what `hydra gateway books --json` prints, LEDGER what `hydra ledger export
--json` prints. Prints one JSON object; exit 0 if they agree exactly, 1 if not, 2 if a file is unreadable.
`python compare_books.py --worlds DIR` judges what `hydra simulate --keep DIR` left, world by world.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
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


def lost(books: Books, events: Events, has_day_ended: bool = False) -> Problems:
    """What the gateway did and the ledger does not say, and the other way round, execution by execution.

    A price corrected on an evening when nobody listened leaves no trace: the broker shows today's executions.
    """
    booked = ("ChildFilled", "ForeignExecutionBooked")
    fills = [event["payload"] for event in events if event["kind"] in booked]
    theirs, ours = newest(books["executions"], "qty", "price"), newest(fills, "last_qty", "last_px")
    problems = [f"execution {root} is not in the ledger" for root in theirs.keys() - ours.keys()]
    problems += [f"execution {root} is unknown to the gateway" for root in ours.keys() - theirs.keys()]
    for root in theirs.keys() & ours.keys():
        is_price_alone = (theirs[root][1], theirs[root][2][:3]) == (ours[root][1], ours[root][2][:3])
        if theirs[root] != ours[root] and not (has_day_ended and is_price_alone):
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


# --- worlds full of faults: more laws to look at, and differences that the ledger itself owns up to ---

ENDED = ("ChildCancelled", "ChildExpired", "ChildRejected", "ChildLapsed", "ChildNotSent")
DAMAGE = frozenset({"db_bit_flip", "db_wal_cut", "db_old_file"})
CLOCKS = frozenset({"clock_jump", "clock_drift"})
SETTLE = timedelta(seconds=10)
SKEW = timedelta(seconds=2.5)
# Dollars for one point of one lot, from the exchanges' contract specifications.
POINTS = {"ZO": 50, "ZR": 2000, "OJ": 150, "HE": 400, "LE": 400, "GF": 500}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def is_clock_steady(events: Events) -> bool:
    """Whether the ledger's own times can be compared with the gateway's: no jump back shows in them."""
    newest: dict[str, datetime] = {}
    for event in events:
        now = at(event["recorded_at"])
        executed = event["payload"].get("executed_at")
        if now + SKEW < newest.get(event["stream"], now) or (executed and now + SKEW < at(executed)):
            return False
        newest[event["stream"]] = now
    return True


def overpromised(events: Events) -> Problems:
    """By the ledger alone: lots done and lots that may still be done never exceed what was approved."""
    approved, problems = approvals(events), []
    left: dict[str, dict[str, int]] = defaultdict(dict)
    done: dict[str, dict[str, int]] = defaultdict(dict)
    for event in events:
        stream, said, kind = event["stream"], event["payload"], event["kind"]
        if kind == "ChildSending":
            left[stream][said["order_ref"]] = int(said["qty"])
        elif kind in ENDED or kind == "ChildResolved":
            left[stream][said["order_ref"]] = 0
        elif kind == "ChildFilled":
            lots = int(said["last_qty"]) - done[stream].get(said["exec_root"], 0)
            done[stream][said["exec_root"]] = int(said["last_qty"])
            left[stream][said["order_ref"]] = max(left[stream].get(said["order_ref"], 0) - lots, 0)
        total = sum(left[stream].values()) + sum(done[stream].values())
        if kind == "ChildSending" and total > approved.get(stream, 0):
            problems.append(
                f"{said['order_ref']}: {total} lots done or possible, {approved.get(stream, 0)} approved"
            )
    return problems


def misfiled(events: Events) -> Problems:
    """An execution filed under another root than its own would be counted beside what it corrects."""
    booked = [
        event["payload"] for event in events if event["kind"] in ("ChildFilled", "ForeignExecutionBooked")
    ]
    return [
        f"execution {one['exec_id']} is filed under {one['exec_root']}"
        for one in booked
        if one["exec_root"] != root_of(one["exec_id"])[0]
    ]


def ended_too_early(books: Books, events: Events, skew: timedelta) -> Problems:
    """No child is ended in the ledger before its order is over at the gateway, or lapsed before its time."""
    over: dict[str, Any] = {order["order_ref"]: order.get("ended_at") for order in books["orders"]}
    sent = {event["payload"]["order_ref"]: event for event in events if event["kind"] == "ChildSending"}
    problems = []
    for event in events:
        ref = event["payload"].get("order_ref", "")
        if event["kind"] not in ENDED or ref not in sent:
            continue
        recorded = at(event["recorded_at"]) + skew
        if ref in over and (over[ref] is None or recorded < at(over[ref])):
            problems.append(f"{ref} was ended as {event['kind']} before it was over")
        good_till = at(sent[ref]["payload"]["good_till"])
        if event["kind"] == "ChildLapsed" and recorded < good_till + SETTLE:
            problems.append(f"{ref} was called lapsed before its good_till and settle")
    return problems


def sent_unlawfully(books: Books, events: Events) -> Problems:
    """Sendings beyond the parent's end, under an older lease than one before, or while halted."""
    opened = {event["stream"]: event["payload"] for event in events if event["kind"] == "ParentOpened"}
    halted: dict[str, datetime] = {}
    for event in events:
        if event["kind"] == "TradingStateChanged" and event["payload"]["state"] == "HALTED":
            halted.setdefault(event["payload"]["scope"], at(event["recorded_at"]))
    problems, newest = [], 0
    for event in sorted(events, key=lambda one: one["recorded_at"]):
        if event["kind"] != "ChildSending":
            continue
        said, when = event["payload"], at(event["recorded_at"])
        if at(said["good_till"]) > at(opened[event["stream"]]["deadline_at"]):
            problems.append(f"{said['order_ref']} outlives its parent's deadline")
        if said["lease_epoch"] < newest:
            problems.append(
                f"{said['order_ref']} was sent under lease {said['lease_epoch']}, {newest} was taken"
            )
        newest = max(newest, said["lease_epoch"])
        for scope in ("ALL", event["stream"].split("-")[1]):
            if when > halted.get(scope, when):
                problems.append(f"{said['order_ref']} was sent while {scope} was halted")
    for order in books["orders"]:
        if order.get("good_till") and at(order["accepted_at"]) >= at(order["good_till"]):
            problems.append(f"{order['order_ref']} was accepted after its good_till")
    return problems


def misvalued(events: Events) -> Problems:
    """What one point is worth decides every limit in dollars."""
    opened = [event for event in events if event["kind"] == "ParentOpened"]
    return [
        f"{one['stream']}: a point is not worth {one['payload']['usd_per_point']} USD"
        for one in opened
        if Decimal(one["payload"]["usd_per_point"]) != POINTS.get(one["stream"].split("-")[1], -1)
    ]


def owned_up(books: Books, events: Events) -> set[str]:
    """Order references and contracts that the ledger itself holds in doubt or has halted on."""
    sent = {
        event["payload"]["order_ref"]: event["payload"] for event in events if event["kind"] == "ChildSending"
    }
    over = {event["payload"]["order_ref"] for event in events if event["kind"] in (*ENDED, "ChildResolved")}
    filled: Counter[str] = Counter()
    for _, _, (ref, _, lots, _) in newest(
        [event["payload"] for event in events if event["kind"] == "ChildFilled"], "last_qty", "last_px"
    ).values():
        filled[ref] += lots
    doubtful = {ref for ref, said in sent.items() if ref not in over and filled[ref] < int(said["qty"])}
    states = [event["payload"] for event in events if event["kind"] == "TradingStateChanged"]
    halted = {one["scope"] for one in states if one["state"] == "HALTED"}
    hit = {
        order["con_id"]
        for order in books["orders"]
        if order["order_ref"] in doubtful or order["symbol"] in halted or "ALL" in halted
    }
    return {str(con_id) for con_id in hit}


def judge_world(books: Books, events: Events, faults: list[str]) -> Problems:
    """Everything found in one simulated world that its ledger does not own up to."""
    if DAMAGE & set(faults):
        return sent_once(books)  # its ledger lacks what it once had; what arrived stands in the books
    sendings = {event["payload"]["order_ref"]: event for event in events if event["kind"] == "ChildSending"}
    excused = owned_up(books, events)
    roots = {root_of(one["exec_id"])[0]: str(one["con_id"]) for one in books["executions"]}
    problems = sent_once(books) + booked_once(events) + overpromised(events) + misvalued(events)
    problems += misfiled(events)
    missed = lost(books, events, has_day_ended="day_end" in faults)
    problems += [one for one in missed if roots.get(one.split()[1].rstrip(":")) not in excused]
    problems += [one for one in positions_differ(books, events) if one.split()[1].rstrip(":") not in excused]
    if "late_beyond_settle" not in faults:
        problems += overfilled(books, events) + overcommitted(books, events)
    if is_clock_steady(events):
        skew = SKEW if CLOCKS & set(faults) else timedelta(0)
        problems += ended_too_early(books, events, skew) + sent_unlawfully(books, events)
        late = [] if not skew else ["before its ChildSending"]
        problems += [one for one in promised_before(books, sendings) if not any(text in one for text in late)]
    return problems


def judge_worlds(folder: Path) -> int:
    """Judge every world that `hydra simulate --keep` left; one line for each that is found wanting."""
    worlds = sorted(folder.glob("*/books.json"), key=lambda path: int(path.parent.name))
    wanting = 0
    for path in worlds:
        lines = path.with_name("ledger.jsonl").read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        faults = json.loads(path.with_name("faults.json").read_text(encoding="utf-8"))
        problems = judge_world(json.loads(path.read_text(encoding="utf-8")), events, faults)
        wanting += bool(problems)
        for problem in problems:
            print(f"world {path.parent.name}: {problem}")
    print(json.dumps({"worlds": len(worlds), "wanting": wanting}))
    return 1 if wanting or not worlds else 0


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
        if argv[1] == "--worlds":
            return judge_worlds(Path(argv[2]))
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

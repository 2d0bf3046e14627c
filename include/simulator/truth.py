"""What the simulator generated and why, to compare the pipeline with: three folders of NDJSON, a file a batch.

visits/ (a row a visit): visit_id; human, who it really was; kind (visit, refund, repeat) and origin (ga4, stream);
device and user_id as reported, login_at the visit's first event with that user; start and end, its first and last event
(microseconds); events, distinct ones; touch, what really brought the visitor; source, medium, campaign, source_rule,
expected by S1 to S5, and why. continues: a streamed part of a session already landed, whose source is that one's and
whose events add to it. human is null for someone picked from the landing zone.
A visit that does not continue is exactly one session, but with denied consent (no device): there each event is (I4).

purchases/ (a row a distinct purchase event): at, visit_id, transaction_id as reported, revenue in US dollars (text;
null where exchange rates must tell), revenue_issue. refunds/: the same of refund events.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import TextIO, TypeVar

from include.simulator.files import whole_file
from include.simulator.ga4_rows import SchemaName
from include.simulator.journey import Event
from include.simulator.orders import Order
from include.simulator.world import ADS_CAMPAIGNS, NOT_SET


@dataclass(frozen=True, slots=True)
class VisitTruth:
    """A row of visits/; the module's text says what each field is."""

    visit_id: str
    human: str | None
    kind: str
    origin: str
    device: str | None
    user_id: str | None
    login_at: int | None
    start: int
    end: int
    events: int
    touch: str
    source: str | None
    medium: str | None
    campaign: str | None
    source_rule: str | None
    why: str
    continues: bool = False


@dataclass(frozen=True, slots=True)
class MoneyTruth:
    """A row of purchases/ or refunds/; revenue is a Decimal's text."""

    at: int
    visit_id: str
    transaction_id: str | None
    revenue: str | None
    revenue_issue: str | None


@dataclass(frozen=True, slots=True)
class OrderTruth:
    """An order by rule C1, of all generated so far. US dollars, None where exchange rates must tell."""

    person_id: str | None
    transaction_id: str | None
    at: int
    revenue: Decimal | None
    net_revenue: Decimal | None
    revenue_issue: str | None
    sightings: int


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything generated: visits in time order with their `person_id` (I1; None with denied consent), and orders."""

    visits: tuple[tuple[str | None, VisitTruth], ...]
    orders: tuple[OrderTruth, ...]


def visit_truth(events: Sequence[Event], schema: SchemaName, *, intraday: bool) -> VisitTruth:
    """What the rules make of an exported visit. intraday: its first event stands in an intraday table."""
    visit = events[0].visit
    touch = visit.touch
    rule = touch.rule if schema == "2026" else touch.plain_rule
    if events[0].name == "first_visit":
        rule = touch.url_rule or rule
    named = ADS_CAMPAIGNS.get(touch.ads_campaign or "", touch.campaign) if schema == "2026" else touch.campaign
    login_at = next((event.at for event in events if event.user_id), None)
    return VisitTruth(
        visit_id=visit.visit_id,
        human=visit.human,
        kind=visit.kind,
        origin="ga4",
        device=visit.device,
        user_id=visit.user_id if login_at is not None else None,
        login_at=login_at,
        start=events[0].at,
        end=events[-1].at,
        events=len(events),
        touch=touch.name,
        source=touch.source,
        medium=touch.medium,
        campaign=NOT_SET if intraday and touch.ads_campaign else named,
        source_rule=rule,
        why=touch.why,
    )


def money_truth(event: Event, order: Order) -> MoneyTruth:
    """What an event of the order is worth."""
    refund = event.name == "refund"
    value, usd = (order.refund, order.refund_usd) if refund else (order.value, order.usd)
    issue = "missing" if value is None else None
    revenue = Decimal(0) if issue else usd
    return MoneyTruth(
        at=event.at,
        visit_id=event.visit.visit_id,
        transaction_id=order.transaction_id,
        revenue=None if revenue is None else str(revenue),
        revenue_issue=issue,
    )


class TruthLog:
    """Collects the rows of one history or batch; `None` for a file keeps nothing."""

    def __init__(self, files: Sequence[TextIO] | None) -> None:
        """Write to the files of `TABLES`."""
        self._files = files

    def add(self, visit: VisitTruth, events: Iterable[Event]) -> None:
        """Note one visit with the money of its events."""
        if self._files is None:
            return
        money = {"purchase": self._files[1], "refund": self._files[2]}
        rows = [(self._files[0], asdict(visit))]
        rows += [(money[event.name], asdict(money_truth(event, event.order))) for event in events if event.order]
        for file, row in rows:
            file.write(json.dumps(row) + "\n")


TABLES = ("visits", "purchases", "refunds")


@contextmanager
def truth_log(folder: Path | None, name: str) -> Iterator[TruthLog]:
    """A log into `<table>/<name>.ndjson` under `folder`, all of which appear at the end; nothing without a folder."""
    if folder is None:
        yield TruthLog(None)
        return
    with ExitStack() as stack:
        parts = [stack.enter_context(whole_file(folder / table / f"{name}.ndjson")) for table in TABLES]
        with ExitStack() as opened:
            yield TruthLog([opened.enter_context(part.open("w", encoding="utf-8")) for part in parts])


_Row = TypeVar("_Row", VisitTruth, MoneyTruth)


def _read(folder: Path, table: str, kind: type[_Row]) -> list[_Row]:
    lines = (
        line for file in sorted((folder / table).glob("*.ndjson")) for line in file.read_text("utf-8").splitlines()
    )
    return [kind(**json.loads(line)) for line in lines]


def load(folder: Path) -> Truth:
    """Read every history and batch of `folder` and settle who is who and which orders there are."""
    visits = sorted(_read(folder, "visits", VisitTruth), key=lambda visit: (visit.start, visit.visit_id))
    logins: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for visit in visits:
        if visit.device and visit.user_id and visit.login_at:
            logins[visit.device].append((visit.login_at, visit.user_id))
    people = {visit.visit_id: _person(visit, logins) for visit in visits}
    refunds: dict[tuple[str | None, str | None], list[MoneyTruth]] = defaultdict(list)
    for row in _read(folder, "refunds", MoneyTruth):
        refunds[people[row.visit_id], row.transaction_id].append(row)
    orders: dict[tuple[str | None, str | None], list[MoneyTruth]] = defaultdict(list)
    for row in _read(folder, "purchases", MoneyTruth):
        has_id = row.transaction_id not in {None, NOT_SET} and people[row.visit_id] is not None
        orders[people[row.visit_id], row.transaction_id if has_id else f"event {row.visit_id} {row.at}"].append(row)
    return Truth(
        tuple((people[visit.visit_id], visit) for visit in visits),
        tuple(_order(person, rows, refunds[person, rows[0].transaction_id]) for (person, _), rows in orders.items()),
    )


def _person(visit: VisitTruth, logins: dict[str, list[tuple[int, str]]]) -> str | None:
    """Rule I1: the user; else the device's only user, or the last before, or the first after; else the device."""
    if visit.user_id or visit.device is None:
        return visit.user_id
    seen = sorted(logins.get(visit.device, []))
    if not seen:
        return visit.device
    return next((user for at, user in reversed(seen) if at <= visit.start), seen[0][1])


def _order(person: str | None, rows: list[MoneyTruth], refunds: list[MoneyTruth]) -> OrderTruth:
    first = min(rows, key=lambda row: row.at)
    transaction_id = None if first.transaction_id == NOT_SET else first.transaction_id
    revenue = net = None if first.revenue is None else Decimal(first.revenue)
    for refund in refunds if person and transaction_id else []:
        net = None if net is None or refund.revenue is None else max(net - Decimal(refund.revenue), Decimal(0))
    return OrderTruth(person, transaction_id, first.at, revenue, net, first.revenue_issue, len(rows))

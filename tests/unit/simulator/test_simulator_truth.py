"""The truth against the rules, which the oracle applies to the landed files alone: who, from where, worth what.

The truth is declared, the oracle computes; they share no code. So this checks both.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from include.settings import PROJECT
from include.simulator.stream import write_batch
from include.simulator.truth import OrderTruth, VisitTruth, load
from tests.oracle.model import Rules, Tables
from tests.oracle.pipeline import compute
from tests.unit.simulator.histories import small_history

VARS = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text("utf-8"))["vars"]
RULES = Rules(referral_exclusions=tuple(VARS["referral_exclusions"]))


def _visits(visits: Iterable[tuple[str | None, VisitTruth]]) -> dict[object, tuple[object, ...]]:
    return {
        (person, visit.start): (visit.source, visit.medium, visit.campaign, visit.source_rule)
        for person, visit in visits
        if person is not None and not visit.continues
    }


def _sessions(tables: Tables) -> dict[object, tuple[object, ...]]:
    return {
        (session.person_id, session.started_at): (
            session.source,
            session.medium,
            session.campaign,
            session.source_rule,
        )
        for session in tables.sessions
        if not session.person_id.startswith("event:")
    }


def _orders(orders: Iterable[OrderTruth]) -> dict[object, tuple[object, ...]]:
    return {
        (order.person_id, order.transaction_id, order.at): (order.revenue, order.net_revenue, order.revenue_issue)
        for order in orders
    }


def _conversions(tables: Tables, orders: dict[object, tuple[object, ...]]) -> dict[object, tuple[object, ...]]:
    """The conversions, without amounts where only exchange rates could tell the truth."""
    found: dict[object, tuple[object, ...]] = {}
    for row in tables.conversions:
        person = None if row.person_id.startswith("event:") else row.person_id
        key = (person, row.transaction_id, row.converted_at)
        revenue, net_revenue, _ = orders.get(key, (0, 0, None))
        found[key] = (
            None if revenue is None else row.revenue,
            None if net_revenue is None else row.net_revenue,
            None if revenue is None else row.revenue_issue,
        )
    return found


def test_each_visit_is_one_session_with_its_source_and_each_order_one_conversion(tmp_path: Path) -> None:
    """Of a history and batches on top of it; a streamed event tells as much of its source as the 2021 schema."""
    settings = small_history(tmp_path, people=1500)
    for batch in range(12):
        write_batch(settings, events=80, seed=batch, bad=batch % 3)
    truth = load(settings.truth)
    tables = compute(settings.ga4_export, settings.streamed_events, RULES, settings.dbt_project / "seeds")
    assert _sessions(tables) == _visits(truth.visits)
    orders = _orders(truth.orders)
    assert _conversions(tables, orders) == orders
    spans = {(s.person_id, s.started_at): (s.ended_at, s.events) for s in tables.sessions}
    continued = [(person, visit) for person, visit in truth.visits if visit.continues and person is not None]
    assert continued
    for person, visit in continued:
        assert any(who == person and start < visit.start and visit.end <= spans[who, start][0] for who, start in spans)
    grown = {person for person, _ in continued}
    alone = {(person, v.start): (v.end, v.events) for person, v in truth.visits if person and person not in grown}
    assert {key: spans[key] for key in alone} == alone
    denied = sum(visit.events for person, visit in truth.visits if person is None)
    assert 0 < denied == sum(session.person_id.startswith("event:") for session in tables.sessions)
    assert len(tables.quarantine) == sum(batch % 3 for batch in range(12))
    assert {visit.source_rule for _, visit in truth.visits if not visit.continues} == {
        "click_id", "click_id_utm", "collected_traffic_source", "event_params", "utm", "referrer", "direct"
    }  # fmt: skip
    channels = {"Paid Search", "Organic Search", "Social", "Email", "Referral", "Direct", "Other"}
    first = {row["conversion_id"]: row["channel"] for row in tables.first}
    last = {row["conversion_id"]: row["channel"] for row in tables.last}
    assert set(first.values()) == set(last.values()) == channels
    assert first != last

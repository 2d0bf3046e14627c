"""The truth against the rules, which the oracle applies to the landed files alone: who, from where, worth what.

The truth is declared, the oracle computes; they share no code. So each of these tests checks both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
import yaml

from include.settings import PROJECT, Settings
from include.simulator.history import supersede_intraday
from include.simulator.stream import write_batch
from include.simulator.truth import OrderTruth, Truth, VisitTruth, load
from tests.oracle.model import Rules, Tables
from tests.oracle.pipeline import compute
from tests.unit.simulator.histories import END, History, small_history

VARS = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text("utf-8"))["vars"]
RULES = Rules(referral_exclusions=tuple(VARS["referral_exclusions"]))


@dataclass(frozen=True)
class World:
    """What was generated, and what the oracle makes of the files."""

    truth: Truth
    tables: Tables


def _world(settings: Settings) -> World:
    streamed = settings.streamed_events if settings.streamed_events.is_dir() else None
    tables = compute(settings.ga4_export, streamed, RULES, settings.dbt_project / "seeds")
    return World(load(settings.truth), tables)


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


def _assert_true(world: World) -> None:
    visits, sessions = _visits(world.truth.visits), _sessions(world.tables)
    assert len(visits) > 300
    assert sessions == visits
    orders = _orders(world.truth.orders)
    assert orders
    assert _conversions(world.tables, orders) == orders


@pytest.fixture(scope="module")
def world_2026(history_2026: History) -> World:
    return _world(history_2026.settings)


def test_each_visit_is_one_session_with_its_source_and_each_order_one_conversion(world_2026: World) -> None:
    _assert_true(world_2026)


def test_the_2021_schema_too(history_2021: History) -> None:
    _assert_true(_world(history_2021.settings))


def test_events_and_ends_of_the_visits(world_2026: World) -> None:
    visits = {(person, v.start): (v.end, v.events) for person, v in world_2026.truth.visits if person is not None}
    sessions = {(s.person_id, s.started_at): (s.ended_at, s.events) for s in world_2026.tables.sessions}
    assert {key: sessions[key] for key in visits} == visits


def test_denied_consent_is_one_session_an_event(world_2026: World) -> None:
    events = sum(visit.events for person, visit in world_2026.truth.visits if person is None)
    assert events > 0
    assert events == sum(session.person_id.startswith("event:") for session in world_2026.tables.sessions)


def test_all_seven_channels_earn_and_first_and_last_click_differ(world_2026: World) -> None:
    channels = {"Paid Search", "Organic Search", "Social", "Email", "Referral", "Direct", "Other"}
    first = {row.conversion_id: row.channel for row in world_2026.tables.first}
    last = {row.conversion_id: row.channel for row in world_2026.tables.last}
    assert set(first.values()) == set(last.values()) == channels
    assert sum(first[conversion] != last[conversion] for conversion in first) > len(first) / 5


def test_each_declared_rule_occurs(world_2026: World) -> None:
    assert {visit.source_rule for _, visit in world_2026.truth.visits} == {
        "click_id", "click_id_utm", "collected_traffic_source", "event_params", "utm", "referrer", "direct"
    }  # fmt: skip


def test_streamed_batches_keep_the_truth(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = small_history(tmp_path_factory.mktemp("streamed"), people=1500)
    for batch in range(12):
        write_batch(settings, events=80, seed=batch, bad=batch % 3)
    world = _world(settings)
    _assert_true(world)
    going_on = [(person, visit) for person, visit in world.truth.visits if visit.continues and person is not None]
    assert going_on
    for person, visit in going_on:
        assert any(
            session.started_at < visit.start and visit.end <= session.ended_at
            for session in world.tables.sessions
            if session.person_id == person
        ), visit
    assert len(world.tables.quarantine) == sum(batch % 3 for batch in range(12))


def test_the_campaign_of_the_daily_table(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = small_history(tmp_path_factory.mktemp("superseded"), people=1500, days=2)
    before = load(settings.truth)
    assert any(visit.campaign != visit.campaign_daily for _, visit in before.visits)
    supersede_intraday(settings.ga4_export, END.date())
    daily = tuple((person, replace(visit, campaign=visit.campaign_daily)) for person, visit in before.visits)
    assert _visits(daily) == _sessions(_world(settings).tables)

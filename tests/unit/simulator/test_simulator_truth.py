"""What the simulator drew against the rules, which the oracle applies to the landed files: from where, worth what.

The sources are declared by hand in the simulator's world, the oracle computes them; they share no code. So this checks
both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from include.settings import PROJECT
from include.simulator.batch import Composer, Part
from include.simulator.history import micros
from include.simulator.journey import Event, journey
from include.simulator.plan import DAY, Span, household
from include.simulator.stream import write_batch
from include.simulator.world import ADS_CAMPAIGNS, NOT_SET, TOUCHES
from tests.oracle.model import Rules
from tests.oracle.pipeline import compute
from tests.unit.simulator.histories import END, SEED, small_history

VARS = yaml.safe_load((PROJECT / "dbt" / "dbt_project.yml").read_text("utf-8"))["vars"]
RULES = Rules(referral_exclusions=tuple(VARS["referral_exclusions"]))
DAYS, PEOPLE = 3, 1500
LAST = (micros(END) - 1) // DAY


def exported() -> list[list[Event]]:
    """The events of each visit of the history, drawn again."""
    span = Span((LAST - DAYS + 1) * DAY, micros(END))
    visits = (visit for number in range(PEOPLE) for visit in household(SEED, number, span))
    return [[event for event in journey(SEED, visit) if event.at < span.end] for visit in visits]


def session(events: Sequence[Event], *, streamed: bool = False) -> tuple[object, ...]:
    """What the touch declares of its visit's session; a streamed event tells as much as the 2021 schema."""
    touch = events[0].visit.touch
    rule = touch.plain_rule if streamed else touch.rule
    if events[0].name == "first_visit":
        rule = touch.url_rule or rule
    campaign = touch.campaign if streamed else ADS_CAMPAIGNS.get(touch.ads_campaign or "", touch.campaign)
    if touch.ads_campaign and not streamed and events[0].at // DAY == LAST:
        campaign = NOT_SET  # the intraday table does not name it
    return events[0].at, touch.source, touch.medium, campaign, rule


def test_each_visit_is_one_session_with_its_source_and_each_order_one_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a history and batches on top of it, which begin, continue and follow its sessions."""
    parts: list[Part] = []
    draw = Composer.parts

    def kept(composer: Composer, events: int) -> list[Part]:
        parts.extend(drawn := draw(composer, events))
        return drawn

    monkeypatch.setattr(Composer, "parts", kept)
    settings = small_history(tmp_path, people=PEOPLE, days=DAYS)
    for batch in range(12):
        write_batch(settings, events=80, seed=batch, bad=batch % 3)
    visits = exported()
    assert {events[0].visit.touch.name for events in visits} == {touch.name for touch in TOUCHES}
    tables = compute(settings.ga4_export, settings.streamed_events, RULES, settings.dbt_project / "seeds")
    found: Counter[tuple[object, ...]] = Counter(
        one[2:3] + one[5:9] for one in tables.sessions if not one.person_id.startswith("event:")
    )
    consenting = [events for events in visits if events[0].visit.device]
    new = [part.events for part in parts if part.events[0].visit.number == 1 and part.events[0].visit.device]
    expected = Counter([*map(session, consenting), *(session(events, streamed=True) for events in new)])
    assert expected <= found
    assert {at for at, *_ in found - expected} <= {part.events[0].at for part in parts}
    spans = {(one.started_at, one.ended_at) for one in tables.sessions}
    ends = [(visit[0].at, visit[-1].at) for visit in [*consenting, *new]]
    assert any((start, end) not in spans for start, end in ends), "batches continue sessions that landed"

    events = [event for visit in [*visits, *(part.events for part in parts)] for event in visit]
    denied = sum(event.visit.device is None for event in events)
    assert 0 < denied == sum(one.person_id.startswith("event:") for one in tables.sessions)
    orders = {
        (event.order.transaction_id or NOT_SET, event.at): event.order
        for event in events
        if event.name == "purchase" and event.order
    }
    for one in tables.conversions:
        order = orders[one.transaction_id or NOT_SET, one.converted_at]
        if order.value is None:
            assert (one.revenue, one.revenue_issue) == (Decimal(0), "missing")
        elif order.usd is not None:
            assert (one.revenue, one.revenue_issue) == (order.usd, None)
    assert {one.transaction_id or NOT_SET for one in tables.conversions} == {key for key, _ in orders}
    assert len(tables.quarantine) == sum(batch % 3 for batch in range(12))
    assert {rule for *_, rule in expected} == {
        "click_id", "click_id_utm", "collected_traffic_source", "event_params", "utm", "referrer", "direct"
    }  # fmt: skip
    channels = {"Paid Search", "Organic Search", "Social", "Email", "Referral", "Direct", "Other"}
    first = {row["conversion_id"]: row["channel"] for row in tables.first}
    last = {row["conversion_id"]: row["channel"] for row in tables.last}
    assert set(first.values()) == set(last.values()) == channels
    assert first != last

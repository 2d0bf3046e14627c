"""Single conversions: those a channel earned, and why each of its touches earned what it did."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from include.dashboard.filters import Filters
from include.dashboard.marts import Marts, Row
from include.explain import RULES, standing
from include.story import Session
from include.wording import length

PAGE = 50

#: How many conversions a report explains, and how many of them are looked up at a time.
LARGE, WORKERS = 25, 8

#: Which other sessions of the buyer are looked at: so many days before the look-back opens, and after the conversion.
DAYS = 30

#: What of a touch can be asked for beside the filters: the empty text asks for all.
NARROWER = ("source", "medium", "campaign")

EARNED = """
select
    a.conversion_id, l.transaction_id, l.converted_at, l.revenue, l.net_revenue, l.touchpoints, l.lookback_complete,
    l.revenue_issue, sum(a.credit) as credit, sum(a.revenue) as earned
from mart_attribution as a
inner join mart_attribution_last as l on l.conversion_id = a.conversion_id
where a.model = $model and a.credit > 0 and {where}
group by
    a.conversion_id, l.transaction_id, l.converted_at, l.revenue, l.net_revenue, l.touchpoints, l.lookback_complete,
    l.revenue_issue
"""
LATEST_FIRST = EARNED + "order by l.converted_at desc, a.conversion_id"
ONE_PAGE = LATEST_FIRST + " limit {limit} offset {offset}"
LARGEST = EARNED + "order by l.revenue desc, a.conversion_id limit {limit}"

FOUND = """
select conversion_id, person_id, transaction_id, converted_at, revenue, net_revenue, revenue_issue, lookback_complete
from mart_attribution_last
where conversion_id = $wanted or transaction_id = $wanted
order by converted_at desc, conversion_id
limit 20
"""

SESSIONS = """
select
    s.session_id, s.started_at, s.ended_at, s.source, s.medium, s.campaign, s.channel, s.channel_group, s.source_rule,
    s.events, s.device_category, t.position
from mart_sessions as s
left join (
    select session_id, max(position) as position from mart_attribution
    where conversion_id = $conversion and conversion_date = $day
    group by session_id
) as t on t.session_id = s.session_id
where s.person_id = $person and s.session_date between $since and $until
order by s.started_at, s.session_id
"""

CREDITS = """
select model, position, channel, credit, revenue, net_revenue from mart_attribution
where conversion_id = $conversion and conversion_date = $day
order by model, position
"""

LOOKBACK = "select detail from rules where model = 'int_touchpoints'"

#: How each model shares a conversion (semantics T2, T3), for whoever asks why a touch earned something.
SHARES = {
    "first_click": "the earliest touch earns all, direct or not",
    "last_click": "the latest touch that is not direct earns all; where every touch is direct, the latest",
    "last_touch": "the latest touch earns all, direct or not",
    "linear": "every touch earns the same",
    "time_decay": "a touch earns the more, the nearer it is to the conversion",
    "position_based": "the first and the last touch earn most, those between share the rest",
    "markov": "a touch earns by how many conversions would be lost without its channel, as last fitted",
    "shapley": "a touch earns by what its channel adds to the others on average, as last fitted",
}


def earned(marts: Marts, filters: Filters, narrower: Row, page: int) -> dict[str, Any]:
    """Conversions of which the filters' touches earned something under the model, latest first, and if more follow.

    narrower: source, medium, campaign of the touches. page: from 0 on, PAGE rows each.
    """
    where = " and ".join([filters.credited, *(f"a.{name} = ${name}" for name in NARROWER if narrower.get(name))])
    query = ONE_PAGE.format(where=where, limit=PAGE + 1, offset=page * PAGE)
    rows = marts.ask(query, **filters.values, **narrower)
    return {"rows": rows[:PAGE], "more": len(rows) > PAGE, "page": page}


def all_earned(marts: Marts, filters: Filters) -> list[Row]:
    """The same, all pages."""
    return marts.ask(LATEST_FIRST.format(where=filters.credited), **filters.values)


def largest(marts: Marts, filters: Filters) -> list[dict[str, Any]]:
    """The explanations of the LARGE of them that have the most revenue, most first."""
    rows = marts.ask(LARGEST.format(where=filters.credited, limit=LARGE), **filters.values)
    with ThreadPoolExecutor(WORKERS) as workers:  # BigQuery takes a second a question
        told = workers.map(lambda row: explained(marts, row["conversion_id"]), rows)
        return [one for one in told if one is not None]


def find(marts: Marts, wanted: str) -> list[Row]:
    """The conversions with this conversion or order id, at most 20, latest first; persons left out."""
    return [{name: row[name] for name in row if name != "person_id"} for row in marts.ask(FOUND, wanted=wanted)]


def explained(marts: Marts, conversion_id: str) -> dict[str, Any] | None:
    """Why each session of the buyer around it is a touch or none, and what each touch earned under every model.

    None where no conversion has the id. Whose it is, is left out: the question is why, not who.
    """
    found = [row for row in marts.ask(FOUND, wanted=conversion_id) if row["conversion_id"] == conversion_id]
    if not found:
        return None
    conversion = {name: value for name, value in found[0].items() if name != "person_id"}
    lookback = timedelta(days=json.loads(marts.ask(LOOKBACK)[0]["detail"])["settings"]["lookback_days"])
    day = conversion["converted_at"].date()
    ids = {
        "conversion": conversion_id,
        "person": found[0]["person_id"],
        "day": day,
        "since": day - lookback - timedelta(days=DAYS),
        "until": day + timedelta(days=DAYS),
    }
    sessions = marts.ask(SESSIONS, **ids)
    credits = marts.ask(CREDITS, **ids)
    touches = sum(row["position"] is not None for row in sessions)
    told = [_session(row, conversion, lookback, touches) for row in sessions]
    return {
        "conversion": conversion,
        "lookback_days": lookback.days,
        "touches": [row for row in told if row["position"] is not None],
        "others": [row for row in told if row["position"] is None],
        "models": [_model(name, list(rows)) for name, rows in groupby(credits, key=itemgetter("model"))],
    }


def _session(row: Row, conversion: Row, lookback: timedelta, touches: int) -> Row:
    named = {name: row[name] for name in Session.__dataclass_fields__}
    return {
        **row,
        "standing": standing(Session(**named), conversion["converted_at"], lookback, touches),
        "evidence": RULES.get(row["source_rule"], row["source_rule"]),
        "lasted": length(row["ended_at"] - row["started_at"]),
    }


def _model(name: str, credits: list[Row]) -> Row:
    """A model's shares and its answer in a sentence: which channels earned, most first."""
    by_channel: dict[str, Decimal] = {}
    for row in credits:
        if row["credit"] > 0:
            by_channel[row["channel"]] = by_channel.get(row["channel"], Decimal(0)) + row["credit"]
    ranked = sorted(by_channel.items(), key=lambda item: (-item[1], item[0]))
    return {
        "model": name,
        "rule": SHARES.get(name),
        "earned": [{"channel": channel, "credit": credit} for channel, credit in ranked],
        "credits": [{key: row[key] for key in ("position", "credit", "revenue", "net_revenue")} for row in credits],
    }

"""Each endpoint's figures beside SQL on the marts, under every filter."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from tests.dashboard.conftest import RUN, Ask

PERIOD = "conversion_date between '2026-01-25' and '2026-01-31'"
BASE = {"start": "2026-01-25", "end": "2026-01-31", "model": "linear", "other": "last_click"}
NARROWED: list[tuple[dict[str, str], str]] = [
    ({}, "true"),
    ({"channel": "Email"}, "channel = 'Email'"),
    ({"device": "mobile"}, "device_category = 'mobile'"),
    ({"customer": "new"}, "customer_type = 'new'"),
    ({"channel": "Paid Search", "customer": "new"}, "channel = 'Paid Search' and customer_type = 'new'"),
]
filtered = pytest.mark.parametrize(("narrower", "where"), NARROWED)


def ask(client: TestClient, path: str, **values: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON of an answer."""
    answer = client.get(path, params={**BASE, **values})
    assert answer.status_code == 200, answer.text
    return answer.json()


def number(value: Any) -> float:  # noqa: ANN401 - as above
    """A figure as JSON has it."""
    return float(value)


@filtered
def test_channels_earn_what_the_marts_say(viewer: TestClient, marts: Ask, narrower: dict[str, str], where: str) -> None:
    found = ask(viewer, "api/channels", **narrower)
    expected = marts(
        f"""
        select channel,
            sum(credit) filter (model = 'linear') as conversions, sum(revenue) filter (model = 'linear') as revenue,
            sum(net_revenue) filter (model = 'linear') as net_revenue,
            coalesce(sum(revenue) filter (model = 'last_click'), 0) as other_revenue
        from mart_attribution where {PERIOD} and {where} group by channel
        having sum(revenue) filter (model = 'linear') > 0
        """
    )
    assert expected
    rows = {row["channel"]: row for row in found["rows"]}
    for one in expected:
        row = rows[one["channel"]]
        assert {name: row[name] for name in one} == {n: v if n == "channel" else number(v) for n, v in one.items()}
        assert row["difference_revenue"] == pytest.approx(number(one["revenue"] - one["other_revenue"]), abs=1e-9)
    revenue = sum((one["revenue"] for one in expected), Decimal(0))
    assert found["total"]["revenue"] == number(revenue)
    assert [row["revenue"] for row in found["rows"]] == sorted((r["revenue"] for r in found["rows"]), reverse=True)


def test_totals_under_every_model_are_what_was_sold(viewer: TestClient, marts: Ask) -> None:
    (sold,) = marts(f"select count(*) as orders, sum(revenue) as revenue from mart_attribution_last where {PERIOD}")
    for model in ask(viewer, "api/summary")["choices"]["models"]:
        text = viewer.get("api/channels", params={**BASE, "model": model}).text
        total = json.loads(text, parse_float=Decimal)["total"]
        assert (round(total["conversions"], 6), total["revenue"]) == (sold["orders"], sold["revenue"])


def test_spend_and_roas_stand_where_spend_is_known(viewer: TestClient, marts: Ask) -> None:
    rows = {row["channel"]: row for row in ask(viewer, "api/channels")["rows"]}
    known = marts(
        f"select channel, sum(spend) as spend, sum(revenue) as revenue from mart_channel_daily where {PERIOD} "
        "and model = 'linear' group by channel having sum(spend) > 0"
    )
    assert known
    for one in known:
        assert rows[one["channel"]]["spend"] == number(one["spend"])
        assert rows[one["channel"]]["roas"] == pytest.approx(number(one["revenue"] / one["spend"]))
    assert rows["Email"]["spend"] is None
    spent = marts(
        f"select campaign, sum(spend) as spend from mart_campaign_daily where {PERIOD} and model = 'linear' group by 1"
    )
    shown: dict[str, float] = {}
    for row in ask(viewer, "api/campaigns")["rows"]:
        shown[row["campaign"]] = shown.get(row["campaign"], 0) + (row["spend"] or 0)
    assert {one["campaign"]: number(one["spend"]) for one in spent if one["spend"]} == pytest.approx(
        {campaign: spend for campaign, spend in shown.items() if spend}
    )
    assert {row["spend"] for row in ask(viewer, "api/channels", device="mobile")["rows"]} == {None}


@filtered
def test_days_and_campaigns_add_up_to_the_channels(viewer: TestClient, narrower: dict[str, str], where: str) -> None:
    total = ask(viewer, "api/channels", **narrower)["total"]
    days = ask(viewer, "api/days", **narrower)["rows"]
    campaigns = ask(viewer, "api/campaigns", **narrower)["rows"]
    for name, model in (("revenue", "linear"), ("other_revenue", "last_click")):
        by_day = sum(round(row["revenue"] * 100) for row in days if row["model"] == model)
        assert by_day == sum(round(row[name] * 100) for row in campaigns) == round(total[name] * 100)


@filtered
def test_paths_and_lengths_count_the_conversions(
    viewer: TestClient, marts: Ask, narrower: dict[str, str], where: str
) -> None:
    journeys = f"""
        select * from mart_journeys where conversion_id in (
            select conversion_id from mart_attribution where {PERIOD} and model = 'linear' and credit > 0 and {where})
    """
    found = ask(viewer, "api/paths", **narrower)
    expected = marts(f"select path, count(*) as conversions, sum(revenue) as revenue from ({journeys}) group by path")
    assert found["paths"] == len(expected) > 0
    counts = {row["path"]: (row["conversions"], number(row["revenue"])) for row in expected}
    assert all(counts[row["path"]] == (row["conversions"], row["revenue"]) for row in found["rows"])
    assert all(" > ".join(row["steps"]) == row["path"] for row in found["rows"])

    lengths = ask(viewer, "api/lengths", **narrower)
    (medians,) = marts(
        f"select median(touchpoints) as touches, median(seconds_to_convert) as seconds, count(*) as n from ({journeys})"
    )
    assert (lengths["median_touches"], lengths["median_seconds"]) == (medians["touches"], medians["seconds"])
    for part in ("spans", "touches"):
        assert sum(row["conversions"] for row in lengths[part]) == medians["n"]
    (hour,) = marts(f"select count(*) as n from ({journeys}) where seconds_to_convert <= 3600")
    assert lengths["spans"][0] == {"name": "up to 1 h", "conversions": hour["n"]}
    (many,) = marts(f"select count(*) as n from ({journeys}) where touchpoints >= 6")
    assert lengths["touches"][-1] == {"name": "6 or more", "conversions": many["n"]}


@filtered
def test_the_conversions_of_a_channel_are_those_that_earned(
    viewer: TestClient, marts: Ask, narrower: dict[str, str], where: str
) -> None:
    expected = marts(
        f"""
        select conversion_id, sum(revenue) as earned, sum(credit) as credit from mart_attribution
        where {PERIOD} and model = 'linear' and credit > 0 and {where}
        group by conversion_id, converted_at order by converted_at desc, conversion_id
        """
    )
    rows, page = [], 0
    while True:
        found = ask(viewer, "api/conversions", page=str(page), **narrower)
        rows += found["rows"]
        page += 1
        if not found["more"]:
            break
    shown = [(row["conversion_id"], row["earned"], row["credit"]) for row in rows]
    assert shown == [(one["conversion_id"], number(one["earned"]), number(one["credit"])) for one in expected]


def test_the_story_of_an_order_says_who_earned_it_and_why(viewer: TestClient, marts: Ask) -> None:
    one = marts(
        "select conversion_id, transaction_id, person_id from mart_attribution_last "
        "where channel = 'Email' and touchpoints >= 2 and transaction_id is not null order by 1"
    )[0]
    (by_order,) = viewer.get("api/find", params={"id": one["transaction_id"]}).json()["rows"]
    assert by_order["conversion_id"] == one["conversion_id"]
    answer = viewer.get("api/conversion", params={"id": one["conversion_id"]})
    story = answer.json()
    credits = marts(
        f"select model, position, credit, revenue from mart_attribution where conversion_id = '{one['conversion_id']}'"
    )
    told = {(m["model"], c["position"]): (c["credit"], c["revenue"]) for m in story["models"] for c in m["credits"]}
    assert told == {(c["model"], c["position"]): (number(c["credit"]), number(c["revenue"])) for c in credits}
    (last,) = [model for model in story["models"] if model["model"] == "last_click"]
    assert last["earned"] == [{"channel": "Email", "credit": 1.0}]
    assert "not direct" in last["rule"]
    assert [touch["position"] for touch in story["touches"]] == list(range(1, len(story["touches"]) + 1))
    assert all(touch["standing"].startswith("touch ") for touch in story["touches"])
    assert all(other["standing"].startswith("no touch") for other in story["others"])
    assert story["lookback_days"] == 14
    assert one["person_id"] not in answer.text, "whose order it is, is nobody's business here"


def test_what_is_always_in_sight_is_what_the_run_recorded(viewer: TestClient, marts: Ask) -> None:
    health = ask(viewer, "api/summary")["health"]
    (run,) = marts("select * from pipeline_runs")
    assert (health["last"]["run_id"], health["landed_p50_seconds"]) == (RUN, run["landed_p50_seconds"])
    assert health["last"]["rejected_rows"] == run["rejected_rows"] > 0
    (complete,) = marts(f"select count(*) filter (lookback_complete) as n from mart_attribution_last where {PERIOD}")
    assert 0 < health["complete"] == complete["n"] < health["conversions"]


def test_operations_show_runs_reasons_and_the_raw_event(viewer: TestClient, marts: Ask) -> None:
    found = viewer.get("api/operations").json()
    assert [run["run_id"] for run in found["runs"]] == [RUN]
    expected = {
        row["reason"]: row["n"] for row in marts("select reason, count(*) as n from quarantine group by reason")
    }
    assert {row["reason"]: row["rejected"] for row in found["reasons"]} == expected
    said = " ".join(one["what"] for one in found["attention"])
    assert all(f"set aside as {reason}" in said for reason in expected), said
    reason = min(expected)
    rows = viewer.get("api/rejected", params={"reason": reason}).json()["rows"]
    payloads = marts(f"select payload from quarantine where reason = '{reason}'")
    assert sorted(row["payload"] for row in rows) == sorted(row["payload"] for row in payloads)


@pytest.mark.parametrize("table", ["channels", "days", "campaigns", "paths", "conversions"])
def test_downloads_hold_the_same_in_both_forms(viewer: TestClient, table: str) -> None:
    text = viewer.get(f"download/{table}.csv", params=BASE)
    assert text.headers["content-disposition"] == (
        f'attachment; filename="attribution_{table}_2026-01-25_2026-01-31_linear.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(text.text)))
    columns = pq.read_table(io.BytesIO(viewer.get(f"download/{table}.parquet", params=BASE).content)).to_pylist()
    assert len(rows) == len(columns) > 0
    assert [Decimal(row["revenue"]) for row in rows] == [row["revenue"] for row in columns]


def test_views_for_reports_hold_what_the_marts_hold(marts: Ask) -> None:
    (sold,) = marts("select count(*) as orders, sum(revenue) as revenue from mart_attribution_last")
    for table, orders in (
        ("report_channels", "round(sum(conversions), 6)"),
        ("report_conversions", "round(sum(credit), 6)"),
    ):
        for row in marts(f"select model, {orders} as orders, sum(revenue) as revenue from {table} group by model"):
            assert (row["orders"], row["revenue"]) == (sold["orders"], sold["revenue"]), (table, row["model"])
    (paths,) = marts("select count(*) as orders, sum(revenue) as revenue from report_paths")
    assert paths == sold
    columns = marts("select column_name as name from duckdb_columns() where starts_with(table_name, 'report_')")
    assert "person_id" not in {row["name"] for row in columns}

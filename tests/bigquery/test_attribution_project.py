"""This project's own dbt project on the stand-in: the same landed events give the rows that DuckDB gives."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

from google.cloud import bigquery

from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from include.transform import MODELS_ONLY
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land, land_spend, land_streamed
from tests.dbt.project import Project

COMPARED = (
    "int_events",
    "int_sessions",
    "int_conversions",
    "int_touchpoints",
    "int_quarantine",
    "mart_attribution",
    "mart_attribution_first",
    "mart_attribution_last",
    "mart_sessions",
    "mart_journeys",
    "mart_channel_daily",
    "mart_campaign_daily",
    "mart_conversion_paths",
    "mart_channel_overlap",
)


#: Spend of a day with credit and of one without; a row that is set aside, and one for which another stands.
SPEND = """day,source,medium,campaign,cost,currency,clicks,impressions
{day},google,cpc,(not set),4.5,usd,3,10
2026-01-02,facebook,paid_social,spring,0.005,USD,,
2026-01-02,facebook,paid_social,spring,{cost},USD,,
2026-01-03,news,email,,-1,,,
2026-01-03,news,email,,1,EUR,,
"""


def spend(client: bigquery.Client, local: Project, cost: float) -> None:
    """Land the file in place of the one before, on both sides."""
    ((day,),) = [tuple(row.values()) for row in local.rows("select max(conversion_date) from int_conversions")]
    local.settings.ad_spend.mkdir(parents=True, exist_ok=True)
    (local.settings.ad_spend / "ad_spend.csv").write_text(SPEND.format(day=day, cost=cost))
    land_spend(client, local.settings)


def plain(value: object) -> object:
    """A value as both engines can say it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal | float):
        return Decimal(str(value)).normalize()
    return value


def differences(client: bigquery.Client, local: Project) -> dict[str, list[str]]:
    """By table, rows that one warehouse has and the other has not."""
    found = {}
    for table in COMPARED:
        theirs = local.rows(f"select * from {table}")
        where = "" if table.startswith("mart_") or table == "int_quarantine" else " where bucket >= 0"
        ours = [dict(row) for row in client.query_and_wait(f"select * from attribution.{table}{where}")]
        for row in ours:
            row.pop("bucket", None)
        for row in (*ours, *theirs) if table == "int_quarantine" else ():
            row["line_number"] = None if row["model"] == "stg_ad_spend" else row["line_number"]  # a table has no lines
        one, other = (
            Counter(tuple(sorted((k, str(plain(v))) for k, v in row.items())) for row in rows)
            for rows in (ours, theirs)
        )
        if one != other:
            found[table] = [str(row) for row in [*(one - other), *(other - one)]]
    return found


def test_same_rows_as_duckdb(
    client: bigquery.Client, endpoint: str, service: Service, landed: Settings, tmp_path: Path
) -> None:
    land(client, landed)
    local = Project(home=landed.home)
    local.build()
    spend(client, local, 1.25)
    local.build()
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "build", *MODELS_ONLY)
    assert local.rows("select count(*) as n from mart_sessions")[0]["n"] > 10
    assert local.rows("select count(*) as n from mart_attribution_last")[0]["n"] > 0
    assert local.rows("select count(*) as n from mart_channel_daily where roas > 0 or spend = 0.01")[0]["n"] > 6
    assert differences(client, local) == {}

    write_batch(landed, events=10, seed=4)
    land_streamed(client, landed)
    spend(client, local, 2.5)
    local.build()
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "run")
    assert differences(client, local) == {}
    assert [result.error for result in service.statements if result.error] == []

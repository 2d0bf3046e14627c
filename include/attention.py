"""What needs a person, from the published tables: for the last lines of a run, the dashboard and the alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from include.dashboard.marts import Marts, Row
from include.figures import OF_FILE
from include.wording import counted

LAST_RUN = "select * from pipeline_runs order by published_at desc, run_id limit 1"

#: One row a source, reason, and kind (row or whole file); shard, line_number and detail are those of the first by name.
SET_ASIDE = f"""
with known as (
    select model, shard, line_number, reason, detail, case when {OF_FILE} then 1 else 0 end as of_file from quarantine
),
placed as (
    select
        k.*,
        row_number() over (partition by model, reason, of_file order by shard, line_number nulls first, detail) as place
    from known as k
)
select
    model, reason, of_file, count(*) as rejected, count(distinct shard) as shards,
    max(case when place = 1 then shard end) as shard,
    max(case when place = 1 then line_number end) as line_number,
    max(case when place = 1 then detail end) as detail
from placed group by model, reason, of_file order by of_file desc, rejected desc, model, reason
"""  # noqa: S608 - constants

ISSUES = """
select revenue_issue, count(*) as conversions, min(conversion_id) as example
from mart_attribution_last where revenue_issue is not null
group by revenue_issue order by conversions desc, revenue_issue
"""

#: staging model -> what a shard of it is called.
SHARDS = {
    "stg_ga_events": ("GA4 table", "GA4 tables"),
    "stg_streamed_events": ("streamed batch", "streamed batches"),
    "stg_ad_spend": ("ad spend file", "ad spend files"),
}

#: Columns of pipeline_runs that count what needs a person -> what one is called, what is wrong, and its check.
COUNTS = {
    "unmatched_refunds": ("refund", "without a known order, so nothing was reduced", "assert_refunds_matched"),
    "shared_orders": ("order id", "seen on several people", "assert_orders_of_one_person"),
}

#: revenue_issue -> what would mend it, where that is a setting.
REMEDIES = {"no_exchange_rate": "; add the currency to dbt/seeds/exchange_rates.csv"}

LONGEST_DETAIL = 200


@dataclass(frozen=True)
class Attention:
    """Something that needs a person.

    what: how much of what, and of files the first by name. show: the SQL on the published tables, or the command, that
    shows all of it. page: the page of docs/ that says what to do.
    """

    what: str
    show: str
    page: str


def needs_attention(marts: Marts) -> list[Attention]:
    """List what needs a person in the published tables; empty where nothing does.

    Raises MartsError where they cannot be read.
    """
    runs = marts.ask(LAST_RUN)
    return [
        *(_set_aside(row) for row in marts.ask(SET_ASIDE)),
        *(_issue(row) for row in marts.ask(ISSUES)),
        *(_counted(runs[0]) if runs else ()),
    ]


def _set_aside(row: Row) -> Attention:
    one, many = ("file", "files") if row["reason"] == "unknown_name" else SHARDS[row["model"]]
    reason, detail = row["reason"], (row["detail"] or "").removeprefix(f"{row['reason']}: ")
    told = detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]} ..."
    shards = counted(row["shards"], one, many)
    first = row["shard"] if row["line_number"] is None else f"line {row['line_number']} of {row['shard']}"
    if row["of_file"]:
        what = f"{shards} set aside as {reason}"
        columns = "shard, detail"
    else:
        what = f"{counted(row['rejected'], 'row')} of {shards} set aside as {reason}"
        columns = "shard, line_number, payload"
    which = ", the first " if row["rejected"] > 1 else ": "
    return Attention(
        f"{what}{which}{first}{f' ({told})' if told else ''}",
        f"select {columns} from quarantine where model = '{row['model']}' and reason = '{reason}'",  # noqa: S608
        "runbooks/set_aside.md",
    )


def _issue(row: Row) -> Attention:
    issue = row["revenue_issue"]
    return Attention(
        f"{counted(row['conversions'], 'conversion')} with the revenue_issue {issue}, counted as $0.00"
        + REMEDIES.get(issue, ""),
        f"make explain ID={row['example']}",
        "runbooks/missing_revenue.md",
    )


def _counted(run: Row) -> Iterator[Attention]:
    for column, (one, wrong, check) in COUNTS.items():
        if number := run.get(column):
            yield Attention(
                f"{counted(number, one)} {wrong}",
                f"select checked_at, detail from checks where name = '{check}' order by checked_at desc",  # noqa: S608
                "quality.md",
            )

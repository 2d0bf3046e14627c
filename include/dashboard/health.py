"""How fresh and how sound the published marts are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from include.attention import needs_attention
from include.dashboard.filters import Filters, choices
from include.dashboard.marts import Marts

#: How many runs and rejected rows a page shows.
RUNS, REJECTED = 50, 50

LAST_RUNS = f"""
select
    run_id, published_at, events, sessions, conversions, revenue, batch_shards, batch_events, rejected_rows,
    rejected_files, landed_p50_seconds, landed_p95_seconds
from pipeline_runs order by published_at desc, run_id limit {RUNS}
"""  # noqa: S608 - a constant

CHECKS = """
select stage, name, status, failures, detail from checks where run_id = $run order by status = 'pass', stage, name
"""
FOUND_LATELY = """
select checked_at, stage, name, status, failures, detail from checks
where status <> 'pass' order by checked_at desc, stage, name limit 50
"""

COMPLETE = """
select count(*) as conversions, sum(case when lookback_complete then 1 else 0 end) as complete
from mart_attribution_last where conversion_date between $start and $end
"""

REASONS = "select reason, count(*) as rejected from quarantine group by reason order by rejected desc, reason"

SET_ASIDE = f"""
select shard, line_number, reason, detail, payload from quarantine
where $reason = '' or reason = $reason
order by shard desc, line_number nulls first, reason limit {REJECTED + 1} offset {{offset}}
"""  # noqa: S608 - a constant

PROOFS = "select * from proofs order by proved_at desc limit 10"


def fresh_and_sound(marts: Marts, filters: Filters, stale_minutes: int) -> dict[str, Any]:
    """What is always in sight: last publish, lag, checks, what was rejected, how many look-backs are complete.

    stale_minutes: after how long without new events readers are warned (STALE_MINUTES); 0: never.
    """
    runs = marts.ask(LAST_RUNS)
    last, news = runs[0], next((run for run in runs if run["batch_events"]), runs[-1])
    checks = marts.ask(CHECKS, run=last["run_id"])
    (complete,) = marts.ask(COMPLETE, **filters.values)
    silent = (datetime.now(UTC).replace(tzinfo=None) - news["published_at"]).total_seconds() / 60
    timed = next((run for run in runs if run["landed_p50_seconds"] is not None), None)
    return {
        "last": last,
        "landed_p50_seconds": timed and timed["landed_p50_seconds"],
        "landed_p95_seconds": timed and timed["landed_p95_seconds"],
        "stale_minutes": round(silent) if 0 < stale_minutes < silent else None,
        "passed": sum(check["status"] == "pass" for check in checks),
        "warnings": [check for check in checks if check["status"] != "pass"],
        **complete,
    }


def summary(marts: Marts, filters: Filters, stale_minutes: int) -> dict[str, Any]:
    """What can be chosen, what is, and how fresh and sound it is."""
    return {
        "choices": vars(choices(marts)),
        "filters": filters.values,
        "health": fresh_and_sound(marts, filters, stale_minutes),
    }


def operations(marts: Marts) -> dict[str, Any]:
    """What the pipeline did and found, from the published tables."""
    return {
        "runs": marts.ask(LAST_RUNS),
        "attention": [vars(one) for one in needs_attention(marts)],
        "findings": marts.ask(FOUND_LATELY),
        "reasons": marts.ask(REASONS),
        "proofs": marts.ask(PROOFS),
    }


def set_aside(marts: Marts, reason: str, page: int) -> dict[str, Any]:
    """A page of rejected rows and files with the event as it came, and whether more follow; of one reason if named."""
    rows = marts.ask(SET_ASIDE.format(offset=page * REJECTED), reason=reason)
    return {"rows": rows[:REJECTED], "more": len(rows) > REJECTED, "page": page}

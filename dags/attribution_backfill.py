"""On demand: takes everything, or the GA4 export tables of some dates, from the source again, and publishes the result.

For a rule or setting that changed, for export tables that were restated without their files changing, for a warehouse
that one no longer trusts. A file that changed needs no backfill: the next micro-batch takes it up by itself.

**Owns** nothing of its own: it writes what attribution_microbatch owns.

**Connections** `attribution_webhook` and `attribution_mail` for alerts, where they exist (docs/alerts.md).
It reads and writes the same folders and files as attribution_microbatch, in the same pool.

**Order** check_request, take_turn (waits until no other run is at work; micro-batches skip meanwhile), prepare,
mark_tables (a date range: which tables are read again), transform, quality_gate, marts, audit, publish. Readers keep
the old marts until the audit has passed. With `dry_run` all after mark_tables is skipped; its log says what would be
taken again.

**When it is red**
- *check_request*: the message says which of the three fields to change; trigger it again.
- *take_turn*: three hours passed. Its log names the run that was at work.
- *mark_tables*: no table of these dates is loaded; the message names the dates that are.
- *any other task*: as for attribution_microbatch.

When one is needed, and what was seen of it: docs/runbooks/backfill.md.

**A rerun is safe**, from any task. Stopped half-way it leaves readers as they were; the next micro-batch that finds
something to do finishes the work.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, chain, task
from airflow.sdk.exceptions import AirflowSkipException

from include.alerts.late import LONG_RUN_MINUTES, deadline
from include.backfill import mark, preview, read_request
from include.groups import WRITER_POOL
from include.pipeline import COMMON, delivery, prepare
from include.settings import Settings
from include.turns import TurnSensor, keep_turn

with DAG(
    dag_id="attribution_backfill",
    doc_md=__doc__,
    schedule=None,
    tags=["attribution", "tier:2", "rerun:safe"],
    deadline=deadline(LONG_RUN_MINUTES),
    params={
        "full_refresh": Param(
            False, type="boolean", description="Take everything again, from all files. Leave the dates empty then."
        ),
        "start_date": Param(
            None,
            type=["null", "string"],
            format="date",
            description="First date of the GA4 export tables to read again; empty: from the first one on.",
        ),
        "end_date": Param(
            None,
            type=["null", "string"],
            format="date",
            description="Last date of the GA4 export tables to read again, included; empty: up to the last one.",
        ),
        "dry_run": Param(
            False, type="boolean", description="Only say in the log of mark_tables what would be taken again."
        ),
    },
    **COMMON,
) as dag:

    @task
    def check_request(params: dict[str, Any] | None = None) -> str:
        """See that the fields of the form fit together, before anything is touched."""
        return str(read_request(params or {}))

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def mark_tables(params: dict[str, Any] | None = None) -> int:
        """Have the models read the export tables of these dates again; how many there are."""
        settings, request = Settings.from_env(), read_request(params or {})
        if (params or {}).get("dry_run"):
            raise AirflowSkipException(f"dry run, nothing was changed; {preview(settings, request)}")
        return mark(settings, request)

    chain(check_request(), TurnSensor(queues=True), prepare(), mark_tables(), *delivery(dag))

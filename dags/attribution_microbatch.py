"""Every five minutes: takes up what landed, attributes each order to its channels, gives readers the result.

**Schedule** `MICROBATCH_SCHEDULE` (docs/settings.md).

**Owns** the warehouse's tables and the published marts. The backfill and the upkeep write them too, one run at a time.

**Connections** `attribution_webhook` and `attribution_mail` for alerts, where they exist (docs/alerts.md);
`google_cloud_default` on BigQuery (docs/bigquery.md). On DuckDB it reads the GA4 export folder and the streamed
batches, and writes the warehouse and the published file of `ATTRIBUTION_HOME`. Pool `duckdb_writer` (1 slot): the
warehouse takes one writer at a time; on BigQuery models run side by side in the default pool.

**Order** take_turn (skips the run while a backfill or an upkeep is at work), prepare, stream_events (a simulated batch;
off with `events` 0), await_streamed_rows (skips the rest when nothing is new, at once when a backfill or an upkeep
waits for its turn, and always with `dry_run`), transform (a task a model), quality_gate, marts (a task a model; among
them fit_models, which fits the data-driven models where nothing was ever fitted), audit, publish.

**When it is red**
- *prepare*: its message says what to change: a setting, a right, a missing folder, a warehouse that is open elsewhere.
- *stream_events* (BigQuery): its message says what to change; the batch waits in `outbox/` for the next one.
- *a model*: its log ends with dbt's error. Readers keep the last published marts.
- *quality_gate* or *audit*: the log names each failed check and shows up to ten of its rows. Mend or remove the file
  they came from (or the rule); the next run takes the change up and publishes.
- *publish*: rights or space of the published folder. On BigQuery some tables may be of this run and the others of the
  one before; clear the task, or leave it to the next run.
- *any task, "has had the turn since"*: it was cleared after another run had been at work. Clear the run from take_turn.
- *take_turn skipped, run after run*: its log names the run at work. If that one is stuck, mark it as failed.

By symptom, each with its steps: docs/runbooks/ (red_gate, set_aside, late_data, locked_warehouse, wrong_channel,
missing_revenue), which the dashboard shows at /attribution/docs/runbooks/red_gate.md and so on.

**A rerun is safe**: loads go by file version, models replace whole people, publishing replaces the run's own figures.
Where another run was at work since, clear it from `take_turn` on. Only `stream_events`, when it is cleared, adds
another simulated batch.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, chain, task
from airflow.sdk.exceptions import AirflowSkipException

from include.alerts.late import deadline
from include.pipeline import COMMON, delivery, prepare, streamer, take_turn
from include.sensing import NewsSensor
from include.settings import Settings
from include.simulator.stream import stream_batch

SETTINGS = Settings.from_env()

with DAG(
    dag_id="attribution_microbatch",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(SETTINGS.schedule, timezone="UTC") if SETTINGS.schedule else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),  # in the past: the first run starts with the deployment
    tags=["attribution", "tier:1", "rerun:safe"],
    deadline=deadline(SETTINGS.late_minutes),
    params={
        "events": Param(
            20, type="integer", minimum=0, maximum=1_000_000, description="Simulated events to stream; 0 streams none."
        ),
        "seed": Param(
            None, type=["null", "integer"], description="Fixes what the simulator streams; empty: different each run."
        ),
        "wait_seconds": Param(
            240, type="number", minimum=0, description="How long to wait for something new before the run is skipped."
        ),
        "dry_run": Param(
            False,
            type="boolean",
            description="Stream nothing, and only say in the log of await_streamed_rows what is new.",
        ),
    },
    **COMMON,
) as dag:

    @task
    def stream_events(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Append a small batch of simulated events to the landing zone, or to BigQuery's streamed table."""
        events, seed = (params or {})["events"], (params or {})["seed"]
        if events == 0 or (params or {})["dry_run"]:
            raise AirflowSkipException("events is 0, or this is a dry run: nothing to stream")
        settings = Settings.from_env()
        return asdict(stream_batch(settings, streamer(settings), events=events, seed=seed))

    prepared = prepare()
    # runs though nothing was streamed, but not where the whole run was skipped
    news = NewsSensor(task_id="await_streamed_rows", trigger_rule="none_failed_min_one_success")
    chain(take_turn(queues=False), prepared, stream_events(), news, *delivery(dag))
    prepared >> news

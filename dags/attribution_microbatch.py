"""When something lands: takes it up, attributes each order to its channels, gives readers the result.

**Schedule** `MICROBATCH_SCHEDULE` (docs/settings.md): on DuckDB continuous, a run at a time that waits for what
lands, and is skipped after a while; five minutes after a run that failed. On BigQuery every five minutes.

**Owns** the warehouse's tables and the published marts. The backfill and the upkeep write them too, one run at a
time.

**Connections** `attribution_webhook` and `attribution_mail` for alerts, where they exist (docs/alerts.md);
`google_cloud_default` on BigQuery (docs/bigquery.md). On DuckDB it reads the GA4 export folder and the streamed
batches, and writes the warehouse and the published file of `ATTRIBUTION_HOME`. Pool `duckdb_writer` (1 slot): the
warehouse takes one writer at a time; on BigQuery models run side by side in the default pool.

**Order** take_turn (skips the run while a backfill or an upkeep is at work), prepare, stream_events (a simulated
batch in a demo home; skipped on data of your own), await_streamed_rows (skips the rest when nothing is new, at once
when a backfill or an upkeep waits for its turn, and always with `dry_run`), transform (a task a model; on DuckDB its
run_models builds them all and the others show how each ended), quality_gate, fit_models (fits the data-driven models
where nothing was ever fitted), marts (as transform), audit, publish.

**When it is red**
- *prepare*: its message says what to change: a setting, a right, a missing folder, a warehouse that is open elsewhere.
- *stream_events* is never red: where the simulator fails it is skipped, and its log says why. On BigQuery the batch
  waits in `outbox/` for the next one.
- *a model, run_models*: the log ends with dbt's error. Readers keep the last published marts. Once the cause is mended,
  clear run_models, or the failed models with what follows them.
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

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param, chain, task
from airflow.sdk.types import DagRunProtocol

from include.alerts.late import deadline
from include.pipeline import COMMON, NO_BACKFILL, delivery, prepare, streamer, timetable
from include.sensing import NewsSensor
from include.settings import Settings
from include.simulated_batch import simulated_batch
from include.turns import TurnSensor, is_scheduled

SETTINGS = Settings.from_env()

with DAG(
    dag_id="attribution_microbatch",
    doc_md=__doc__,
    schedule=timetable(SETTINGS.schedule),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),  # in the past: the first run starts with the deployment
    allowed_run_types=NO_BACKFILL,
    tags=["attribution", "tier:1", "rerun:safe"],
    deadline=deadline(SETTINGS.late_minutes),
    params={
        "events": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            maximum=1_000_000,
            description="Simulated events to stream; empty: 20 in a demo home, none on data of your own.",
        ),
        "seed": Param(
            None, type=["null", "integer"], description="Fixes what the simulator streams; empty: different each run."
        ),
        "wait_seconds": Param(
            SETTINGS.wait_seconds,
            type="number",
            minimum=0,
            description="How long to wait for something new before the run is skipped.",
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
    def stream_events(params: dict[str, Any] | None = None, dag_run: DagRunProtocol | None = None) -> dict[str, Any]:
        """In a demo home, append a small batch of simulated events; skipped on data of one's own."""
        return simulated_batch(Settings.from_env(), params or {}, streamer, scheduled=is_scheduled(dag_run))

    prepared = prepare()
    # runs though nothing was streamed, but not where the whole run was skipped
    news = NewsSensor(task_id="await_streamed_rows", trigger_rule="none_failed_min_one_success")
    chain(TurnSensor(queues=False), prepared, stream_events(), news, *delivery(dag))
    prepared >> news

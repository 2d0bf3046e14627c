"""Every five minutes: takes up what landed, attributes each order to its channels, gives readers the result.

**Owns** the warehouse's tables and the published marts: nothing else writes them on a schedule.

**Connections** none. It reads the GA4 export folder and the streamed batches, and writes the warehouse and the
published file of `ATTRIBUTION_HOME`. Pool `duckdb_writer` (1 slot): the warehouse takes one writer at a time.

**Order** prepare, stream_events (a simulated batch; off with `events` 0), await_streamed_rows (skips the rest when
nothing is new), transform (a task a model), quality_gate, marts (a task a model), audit, publish.

**When it is red**
- *prepare*: its message says what to change: a setting, a right, a missing folder, a warehouse that is open elsewhere.
- *a model*: its log ends with dbt's error. Readers keep the last published marts.
- *quality_gate* or *audit*: the log names each failed check and shows up to ten of its rows. Mend or remove the file
  they came from (or the rule); the next run takes the change up and publishes.
- *publish*: rights or space of the published folder.

**A rerun is safe**: loads go by file version, models replace whole people, publishing replaces the run's own figures.
Only `stream_events` adds another simulated batch when it is cleared.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    CronTriggerTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    chain,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from include.groups import WRITER_POOL, dbt_group
from include.prepare import PrepareError
from include.prepare import prepare as prepare_run
from include.publish import publish as publish_marts
from include.quality import ChecksFailedError, check, require_passed
from include.sensing import NewsSensor
from include.settings import SettingError, Settings
from include.simulator.stream import write_batch
from include.transform import AUDIT, GATE, MARTS, TRANSFORM

MARTS_ASSET = Asset("attribution_marts")
FAIL_FAST: list[type[BaseException] | str] = [
    SettingError,
    PrepareError,
    ChecksFailedError,
]  # what a second try cannot mend

with DAG(
    dag_id="attribution_microbatch",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC", interval=timedelta(minutes=5)),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["attribution", "tier:1", "rerun:safe"],
    default_args={
        "owner": "attribution",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=5),
        "retry_policy": ExceptionRetryPolicy([RetryRule(exception=FAIL_FAST, action=RetryAction.FAIL)]),
    },
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
    },
) as dag:
    settings = Settings.from_env()

    @task(pool=WRITER_POOL)
    def prepare(params: dict[str, Any] | None = None) -> list[str]:
        """Check settings, rights, warehouse and input; load seeds that changed."""
        return prepare_run(Settings.from_env(), events=(params or {})["events"])

    @task
    def stream_events(params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Append a small batch of simulated events to the landing zone."""
        events, seed = (params or {})["events"], (params or {})["seed"]
        if events == 0:
            raise AirflowSkipException("events is 0: nothing to stream")
        return asdict(write_batch(Settings.from_env(), events=events, seed=seed))

    @task(pool=WRITER_POOL)
    def quality_gate() -> None:
        """Test the staging and intermediate models; a failure keeps the marts as they are."""
        gated = Settings.from_env()
        require_passed(check(gated, GATE))

    @task(pool=WRITER_POOL)
    def audit() -> None:
        """Reconcile the new marts before any reader sees them."""
        audited = Settings.from_env()
        require_passed(check(audited, AUDIT))

    @task(pool=WRITER_POOL, outlets=[MARTS_ASSET])
    def publish(run_id: str | None = None) -> dict[str, Any]:
        """Give readers all marts at once, with the run's figures."""
        return publish_marts(Settings.from_env(), run_id=str(run_id)).as_json()

    chain(
        prepare(),
        stream_events(),
        NewsSensor(task_id="await_streamed_rows", poke_interval=0.5, trigger_rule="none_failed"),
        dbt_group("transform", TRANSFORM, settings, dag),
        quality_gate(),
        dbt_group("marts", MARTS, settings, dag),
        audit(),
        publish(),
    )

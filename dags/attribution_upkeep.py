"""Every night: deletes what was asked for or is too old, proves that the tables are what a rebuild gives.

**Owns** the receipts of deletions, the proofs (`deletions` and `proofs` of the warehouse) and the dbt docs; beside them
it writes what attribution_microbatch owns.

**Connections** as attribution_microbatch. It reads and writes the same folders and files, in the same pool, and the
open requests in `ATTRIBUTION_HOME/deletion_requests`.

**Order** take_turn (waits until no other run is at work; micro-batches skip meanwhile), prepare, take_deletions,
apply_retention, transform to publish as in every run, so that what goes is gone from every table and the published
file (fit_models fits the data-driven models when that is due), confirm_deletions, trim_journal,
write_docs, take_snapshot. Here the turn ends and micro-batches go on: prove, which takes the longest, reads the
snapshot only. take_turn_again, then conclude records the proof. A run by hand may leave the proof out, or only say what
would be deleted (`dry_run`).

**When it is red**
- *require_removed*: a request or the retention is not complete; the message says what is left where and what to do.
  The request stays open, the next night tries again. Rows in the user's own export files or tables are no error: they
  are written with `ERASE_FROM_EXPORT` alone; *take_deletions*, *apply_retention* and *confirm_deletions* log which
  files or tables hold them, how many, and the statements that remove them.
- *conclude*: a table is not what a rebuild gives. The log names tables and columns; the rows stand in
  `proof/differences.duckdb` of the home (on BigQuery in `differences` of the dataset `_proof`). A backfill
  with `full_refresh` mends the table; what made the difference is still to be found.
- *prove*: it could not be made; clear *take_snapshot*, each snapshot serves one proof.
- *take_turn*: three hours passed. Its log names the run that was at work.
- *any other task*: as for attribution_microbatch.

Deletions step by step: docs/runbooks/deletion_request.md.

**A rerun is safe**, from any task but *prove* (see above).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, chain, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.types import DagRunProtocol, RuntimeTaskInstanceProtocol

from include import proof, upkeep
from include.alerts.late import LONG_RUN_MINUTES, deadline
from include.groups import WRITER_POOL
from include.journal import trim
from include.pipeline import COMMON, delivery, prepare
from include.retention import apply_retention as retain
from include.settings import Settings
from include.turns import TurnSensor, end_turn, keep_turn

with DAG(
    dag_id="attribution_upkeep",
    doc_md=__doc__,
    # not with the deployment, when nothing may have landed yet; a night that was missed later is made up for
    schedule=CronTriggerTimetable("15 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
    tags=["attribution", "tier:2", "rerun:safe"],
    deadline=deadline(LONG_RUN_MINUTES),
    params={
        "proof": Param(
            True, type="boolean", description="Prove the tables too; without, the run ends after the dbt docs."
        ),
        "dry_run": Param(
            False,
            type="boolean",
            description="Only say in the log of take_deletions what would be deleted and dropped.",
        ),
    },
    **COMMON,
) as dag:

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def take_deletions(params: dict[str, Any] | None = None, dag_run: DagRunProtocol | None = None) -> dict[str, Any]:
        """Take the rows of deletion requests out of the landing zone; the chain takes them out of the tables."""
        if (params or {})["dry_run"]:
            what = upkeep.preview(Settings.from_env(), upkeep.day_of(dag_run))
            raise AirflowSkipException(f"dry run, nothing was changed; {what}")
        return upkeep.take_deletions(Settings.from_env())

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def apply_retention(dag_run: DagRunProtocol | None = None) -> dict[str, Any]:
        """Do the same with events that are older than they may become."""
        return asdict(retain(Settings.from_env(), day=upkeep.day_of(dag_run)))

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def confirm_deletions() -> dict[str, Any]:
        """Look whether anything is left, and close the requests of which nothing is."""
        return upkeep.confirm(Settings.from_env())

    @task
    def require_removed(ti: RuntimeTaskInstanceProtocol | None = None) -> None:
        """Stop red where something is left; the night's other work goes on beside it."""
        upkeep.require_removed(upkeep.returned(ti, "apply_retention"), upkeep.returned(ti, "confirm_deletions"))

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def trim_journal() -> int:
        """Forget what no model will ask of the journal again; how many rows."""
        return trim(Settings.from_env())

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def write_docs() -> None:
        """Write the dbt docs that Airflow's UI shows."""
        upkeep.write_docs(Settings.from_env())

    @task(pool=WRITER_POOL, pre_execute=keep_turn, post_execute=end_turn)
    def take_snapshot(params: dict[str, Any] | None = None) -> int:
        """Copy the warehouse aside; from here on others may write it."""
        if not (params or {})["proof"]:
            raise AirflowSkipException("this run was asked for no proof")
        shards = proof.snapshot(Settings.from_env())
        if not shards:
            raise AirflowSkipException("nothing was ever loaded: nothing to prove")
        return shards

    @task(retries=0)
    def prove() -> dict[str, Any]:
        """Rebuild the snapshot from what landed, beside it, and compare."""
        return asdict(proof.prove(Settings.from_env()))

    @task(pool=WRITER_POOL, pre_execute=keep_turn)
    def conclude(run_id: str | None = None, ti: RuntimeTaskInstanceProtocol | None = None) -> None:
        """Record the proof; red where anything differs."""
        proof.conclude(Settings.from_env(), str(run_id), proof.Proof.from_json(upkeep.returned(ti, "prove")))

    confirmed, snapshot = confirm_deletions(), take_snapshot()
    chain(
        TurnSensor(queues=True), prepare(), take_deletions(), apply_retention(), *delivery(dag, nightly=True), confirmed
    )
    chain(confirmed, require_removed())
    chain(confirmed, trim_journal(), write_docs(), snapshot)
    chain(snapshot, prove(), TurnSensor(task_id="take_turn_again", queues=True), conclude())

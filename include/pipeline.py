"""What every DAG here shares: the turn, the preparation, and the chain from what landed to what readers see.

A DAG file says what its run does before, between and after, and when it runs.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule, task
from airflow.sdk.definitions._internal.mixins import DependencyMixin
from airflow.sdk.types import DagRunProtocol
from airflow.utils.types import DagRunType

from include.backfill import BackfillError
from include.checks import gate, hold
from include.data_driven.upkeep import fit_models as fit_data_driven
from include.groups import FOLLOWS, WRITER_POOL, dbt_group
from include.prepare import PrepareError
from include.prepare import prepare as prepare_run
from include.proof import ProofError, ProofFailedError
from include.publish import make_reports
from include.publish import publish as publish_marts
from include.quality import ChecksFailedError
from include.settings import CONTINUOUS, SettingError, Settings
from include.streaming.batch import open_streamer
from include.transform import AUDIT, MARTS, TRANSFORM
from include.turns import TurnTakenError, is_scheduled, keep_turn
from include.upkeep import UpkeepError

if TYPE_CHECKING:
    from include.streaming.streamer import Streamer

MARTS_ASSET = Asset("attribution_marts")

#: What a second try cannot mend.
FAIL_FAST: list[type[BaseException] | str] = [
    SettingError,
    PrepareError,
    ChecksFailedError,
    BackfillError,
    TurnTakenError,
    UpkeepError,
    ProofError,
    ProofFailedError,
]

#: The arguments that every DAG here takes.
COMMON: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "owner": "attribution",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=5),
        "retry_policy": ExceptionRetryPolicy([RetryRule(exception=FAIL_FAST, action=RetryAction.FAIL)]),
    },
}


#: Airflow's own Backfill would run a micro-batch a past date, and one takes what landed, whatever its date.
NO_BACKFILL: Any = [one.value for one in DagRunType if one != DagRunType.BACKFILL_JOB]


def timetable(schedule: str | None) -> CronTriggerTimetable | str | None:
    """The setting MICROBATCH_SCHEDULE as Airflow takes it."""
    if schedule is None or schedule == CONTINUOUS:
        return schedule and "@continuous"
    return CronTriggerTimetable(schedule, timezone="UTC")


@task(pool=WRITER_POOL, pre_execute=keep_turn)
def prepare(params: dict[str, Any] | None = None, dag_run: DagRunProtocol | None = None) -> list[str]:
    """Check settings, rights, warehouse and input; load seeds that changed."""
    return prepare_run(Settings.from_env(), events=(params or {}).get("events", 0), waits=is_scheduled(dag_run))


@task(pool=WRITER_POOL, pre_execute=keep_turn)
def quality_gate(nightly: bool, run_id: str | None = None) -> dict[str, int]:
    """Test the staging and intermediate models; a failure keeps the marts as they are."""
    settings = Settings.from_env()
    return hold(settings, gate(settings, nightly=nightly), run_id=str(run_id), stage="gate")


@task(pool=WRITER_POOL, pre_execute=keep_turn)
def fit_models(nightly: bool) -> dict[str, Any]:
    """Fit the data-driven models: at night when it is time, else only where nothing was ever fitted."""
    return asdict(fit_data_driven(Settings.from_env(), "due" if nightly else "first"))


@task(pool=WRITER_POOL, pre_execute=keep_turn)
def audit(run_id: str | None = None) -> dict[str, int]:
    """Reconcile the new marts before any reader sees them."""
    return hold(Settings.from_env(), AUDIT, run_id=str(run_id), stage="audit")


@task(pool=WRITER_POOL, pre_execute=keep_turn, outlets=[MARTS_ASSET])
def publish(run_id: str | None = None) -> dict[str, Any]:
    """Give readers all marts at once, with the run's figures."""
    settings = Settings.from_env()
    make_reports(settings)
    return publish_marts(settings, run_id=str(run_id))


def streamer(settings: Settings) -> Streamer | None:
    """The way into BigQuery, as whom Airflow's connection names; None where DBT_TARGET is local."""
    if settings.bigquery is None:
        return None
    from include.bigquery_login import credentials  # noqa: PLC0415 - seconds of Google's imports, which DuckDB spares

    return open_streamer(settings, credentials())


def delivery(dag: DAG, *, nightly: bool = False) -> tuple[DependencyMixin, ...]:
    """The steps from what landed to what readers see, for `chain`: transform, gate, marts, audit, publish.

    fit_models stands between the journeys that it reads and the credit that follows it.
    """
    settings = Settings.from_env()
    follows = FOLLOWS[settings.dbt_target]
    return (
        dbt_group("transform", TRANSFORM, settings, dag),
        quality_gate.override(trigger_rule=follows)(nightly),
        fit_models(nightly),
        dbt_group("marts", MARTS, settings, dag),
        audit.override(trigger_rule=follows)(),
        publish(),
    )

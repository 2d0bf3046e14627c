"""What Airflow needs before it starts: its metadata database with the pool that the DAGs name, and dbt's manifest.

`python -m include.metadata` does it in a process of its own, for a caller that does not import Airflow.
"""

from __future__ import annotations

from include.groups import WRITER_POOL
from include.settings import Settings
from include.transform import refresh_manifest


def close_abandoned_runs() -> None:
    """End the runs that `make run` left open when it was killed: no scheduler may take them up, and nobody else will.

    The caller holds the home, so none of them can still be at work.
    """
    # these read the settings at import: only when they are set
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from airflow.utils.types import DagRunTriggeredByType  # noqa: PLC0415
    from sqlalchemy import select, update  # noqa: PLC0415

    with create_session() as session:
        open_runs = (DagRun.triggered_by == DagRunTriggeredByType.TEST, DagRun.state == "running")
        abandoned = session.scalars(select(DagRun.run_id).where(*open_runs)).all()
        tasks = (TaskInstance.run_id.in_(abandoned), TaskInstance.state == "running")
        session.execute(update(TaskInstance).where(*tasks).values(state="failed"))
        session.execute(update(DagRun).where(*open_runs).values(state="failed"))


def migrate() -> None:
    """Make the metadata database, or bring it to this Airflow's version, and set the pool `duckdb_writer` to one slot.

    Reads where the database is from the AIRFLOW__* settings of the environment (include/airflow_env.py).
    """
    from airflow.models.pool import Pool  # noqa: PLC0415 - reads the settings at import: only when they are set
    from airflow.utils import db  # noqa: PLC0415

    try:
        db.check_migrations(timeout=0)  # type: ignore[no-untyped-call]
    except TimeoutError:
        db.upgradedb()
    close_abandoned_runs()
    Pool.create_or_update_pool(
        WRITER_POOL, slots=1, description="The warehouse takes one writer at a time.", include_deferred=False
    )


if __name__ == "__main__":
    refresh_manifest(Settings.from_env())
    migrate()

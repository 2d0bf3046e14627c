"""The views for reporting tools: made by dbt when the project has changed, not by each micro-batch."""

from __future__ import annotations

import logging

from include.publish import PROJECT, REPORT_PREFIX, project_version, published_shards
from include.settings import Settings
from include.store import open_store
from include.transform import DbtError, Selection, run_dbt

log = logging.getLogger(__name__)

REPORTS = Selection(("path:models/reports",))


def make_reports(settings: Settings) -> list[str]:
    """Have dbt make the views where they are not there, or where the project is another than at the last publish.

    Returns the names of those made. Raises DbtError where one cannot be made, WarehouseError where the warehouse cannot
    be used.
    """
    with open_store(settings) as store:
        same = published_shards(store).get(PROJECT) == project_version(settings)[PROJECT]
        if same and store.marts(REPORT_PREFIX):
            return []
    results = run_dbt(settings, "run", *REPORTS.arguments(), "--no-write-json")
    failed = [f"{one.node.name}: {str(one.message).strip()}" for one in results if one.status == "error"]
    if failed:
        raise DbtError(f"making the views for reports failed: {'; '.join(failed)}")
    made = [one.node.name for one in results]
    log.info("made %s", ", ".join(made))
    return made

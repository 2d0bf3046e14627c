"""Write, audit, publish: readers get all marts of a run at once, and never see a run that a check stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from include.checks import CHECKS
from include.data_driven.upkeep import FITS
from include.figures import PIPELINE_RUNS, as_json, measure, record
from include.journal import is_pending, marking_steps
from include.proof_compare import PROOFS
from include.settings import Settings
from include.store import Changes, Store, Versions, open_store
from include.transform import DbtError, Selection, project_checksum, read_manifest, run_dbt

log = logging.getLogger(__name__)

MART_PREFIX = "mart_"

#: Views on marts, for reporting tools (docs/looker_studio.md).
REPORT_PREFIX = "report_"

REPORTS = Selection(("path:models/reports",))

PROJECT = "project"

#: The shards that were taken in, or set aside as a whole (E4): the latest entry of each, less those withdrawn since.
LOADED_SHARDS = """
select model, touched_key as shard, version from int_journal where entry in ('shard', 'rejected')
qualify row_number() over (partition by model, touched_key order by seq desc) = 1 and version is not null
order by model, shard
"""


#: By which settings touchpoints were derived: readers need the look-back to say why a session is none.
RULES = """
select model, detail from int_journal where entry = 'built' and model = 'int_touchpoints'
qualify row_number() over (partition by model order by seq desc) = 1
"""


#: The batches that no published run shows yet.
OPEN_BATCHES = """
select batch_id from int_journal where entry = 'done'
group by batch_id having count(case when model = 'publish' then 1 end) = 0
"""

#: The batches that the published marts now hold; the gate's checks pass over their rows (macro unpublished).
MARK_PUBLISHED = f"""
insert into int_journal (batch_id, entry, model)
select batch_id, 'done', 'publish' from ({OPEN_BATCHES}) as unmarked
"""  # noqa: S608 - a constant

#: The keys, by their column, of the batches that no published run shows yet.
OPEN_KEYS = f"""
select distinct entry, touched_key from int_journal
where entry in (select * from unnest($columns)) and touched_key is not null and batch_id in ({OPEN_BATCHES})
"""  # noqa: S608 - a constant

#: What rows of a mart follow from besides the keys of batches: its rules, the fits, the first event of all.
FOLLOWS = """
select model, entry, max(seq) from int_journal where entry in ('built', 'fits', 'first_event') group by model, entry
"""


def by_model(rows: Iterable[tuple[str, str, str]]) -> Versions:
    """Rows of (staging model, shard, version) as a mapping."""
    versions: dict[str, dict[str, str]] = {}
    for model, shard, version in rows:
        versions.setdefault(model, {})[shard] = version
    return versions


def published_shards(store: Store) -> Versions:
    """What the published marts were built from; empty where nothing (readable) is published."""
    return by_model(store.published_rows("select model, shard, version from shards") or [])


def project_version(settings: Settings) -> Versions:
    """The dbt project as a shard of its own: marts are made of settings, seeds and SQL as much as of rows."""
    return {PROJECT: {PROJECT: project_checksum(settings, *settings.own_domains)}}


def changes(settings: Settings, store: Store) -> Changes:
    """What the journal says of the marts since they were published last; unsettled where there is no manifest."""
    try:
        manifest = read_manifest(settings)
    except FileNotFoundError:
        return Changes({}, {}, {}, settled=False)
    models = {model for _, model, _ in marking_steps(manifest)}
    replaces = {
        node["name"]: node["config"]["meta"]["replaces"]
        for node in manifest["nodes"].values()
        if node["name"] in models and node["name"].startswith(MART_PREFIX)
    }
    keys: dict[str, list[str]] = {}
    for column, key in store.rows(OPEN_KEYS, columns=sorted(set(replaces.values()))):
        keys.setdefault(column, []).append(key)
    follows: dict[str, dict[str, int]] = {}
    for model, entry, seq in store.rows(FOLLOWS):
        follows.setdefault(model, {})[entry] = seq
    built = {mart: follows[mart] for mart in replaces if "built" in follows.get(mart, {})}
    return Changes(replaces, keys, built, settled=not is_pending(store, manifest))


def publish(settings: Settings, run_id: str) -> dict[str, Any]:
    """Give readers the marts of the warehouse, the quarantine, the fits, the runs' figures and the proofs.

    Beside them stand the rules that touchpoints follow, and the shards the marts were built from, by which the next run
    knows whether a load still waits. How near to all at once readers get it is the engine's (docs/decisions.md). The
    run's figures are recorded in the warehouse first, so that the published table of runs has them too; they are taken
    back if publishing fails, by the next run where this one is killed. A rerun replaces its own row. Returned as JSON.

    Raises WarehouseError when the warehouse cannot be used, OSError when the published folder cannot be written.
    """
    with open_store(settings) as store:
        before = published_shards(store)
        runs = store.published_rows("select run_id from pipeline_runs")
        shards = store.rows(LOADED_SHARDS)
        came = by_model(row for row in shards if before.get(row[0], {}).get(row[1]) != row[2])
        batch = [shard for found in came.values() for shard in found]
        published_at = datetime.now(UTC).replace(tzinfo=None)
        figures = measure(store, run_id=run_id, published_at=published_at, batch=batch, landed=store.landed_at(came))
        figures = record(store, figures, published=None if runs is None else [run for (run,) in runs])
        store.make(PROOFS)
        store.make(CHECKS)
        store.make(FITS)
        marts = {name: name for prefix in (MART_PREFIX, REPORT_PREFIX) for name in store.marts(prefix)}
        kept = {table.name: table.name for table in (PROOFS, CHECKS, FITS, PIPELINE_RUNS)}
        copies = {"quarantine": "int_quarantine", **marts, **kept}
        project = project_version(settings)[PROJECT][PROJECT]
        made = {"rules": RULES, "shards": f"({LOADED_SHARDS}) union all select '{PROJECT}', '{PROJECT}', '{project}'"}
        try:
            store.publish(copies, made, run_id, lambda: changes(settings, store))
            store.run(MARK_PUBLISHED)
        except BaseException:
            store.run("delete from pipeline_runs where run_id = $run_id", run_id=run_id)
            raise
    found = as_json(figures)
    log.info("published %s: %s", ", ".join([*copies, *made]), found)
    return found


def make_reports(settings: Settings) -> list[str]:
    """Have dbt make the views for reports where they are not there, or the project is not the last published one.

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

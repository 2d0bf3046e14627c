"""What is new: the landing zone against the journal of what was loaded, and the journal against what was published."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from include.landing import landed
from include.publish import LOADED_SHARDS, OPEN_BATCHES, by_model, project_version, published_shards
from include.settings import Settings, read_variables
from include.store import Versions, open_store
from include.turns import asked_of, is_continuous, run_queued, someone_waits
from include.warehouse import WarehouseBusyError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """What a run would have to do: shards, as `model/shard`, and whether loaded batches still wait to be published."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unpublished: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.new or self.changed or self.removed or self.unpublished)

    def __str__(self) -> str:
        """One line for a log."""
        counts = {"new": len(self.new), "changed": len(self.changed), "removed": len(self.removed)}
        parts = [f"{count} {what} shards" for what, count in counts.items() if count]
        return ", ".join([*parts, *(["batches not yet published"] if self.unpublished else [])]) or "nothing new"


def compare(landed_versions: Versions, journaled: Versions, *, unpublished: bool = False) -> News:
    """What differs between the landing zone and the last journaled version of each shard (L1). Pure."""
    now = {f"{model}/{shard}": v for model, shards in landed_versions.items() for shard, v in shards.items()}
    then = {
        f"{model}/{shard}": v for model, shards in journaled.items() for shard, v in shards.items() if v is not None
    }
    return News(
        new=tuple(sorted(now.keys() - then.keys())),
        changed=tuple(sorted(key for key in now.keys() & then.keys() if now[key] != then[key])),
        removed=tuple(sorted(then.keys() - now.keys())),
        unpublished=unpublished,
    )


def read_dates(settings: Settings) -> tuple[date | None, date | None]:
    """The first and last date of the export that dbt reads: the vars start_date and end_date of dbt_project.yml."""
    variables = read_variables(settings)

    def day(name: str) -> date | None:
        return date.fromisoformat(str(variables[name])) if variables.get(name) else None

    return day("start_date"), day("end_date")


def news(settings: Settings) -> News:
    """What landed, changed or was withdrawn since it was last loaded, and whether a load still waits to be published.

    A batch that a check stopped stays unpublished: once its cause is mended, the next run publishes it although nothing
    new arrived. So does what upkeep has touched, and a change of a setting, a seed or a model.

    Raises WarehouseBusyError when another process is writing the warehouse.
    """
    with open_store(settings, read_only=True) as store:
        is_built = store.has("int_journal")
        journal = by_model(store.rows(LOADED_SHARDS)) if is_built else {}
        waiting = is_built and bool(store.rows(OPEN_BATCHES))
        published = published_shards(store)
        landed = store.landed(*read_dates(settings))
        known = store.in_view(journal, landed)
    changed = published != ({**journal, **project_version(settings)} if published else journal)
    return compare(landed, known, unpublished=waiting or changed)


#: Between two looks, in seconds. On DuckDB a look lists the landing folders; on BigQuery it is a few small queries.
POKE_SECONDS = {"local": 1.0, "bigquery": 15.0}


class NewsSensor(BaseSensorOperator):
    """Waits until something new has landed; skips the run when `wait_seconds`, a param of the run, pass without.

    It holds the turn meanwhile, so it gives way where there is nothing to do and another run waits.
    """

    seen: object = None

    def __init__(self, **kwargs: object) -> None:
        """Take a sensor's own arguments; the time-out is the run's param."""
        super().__init__(soft_fail=True, mode="poke", **kwargs)  # type: ignore[arg-type]

    def execute(self, context: Context) -> object:
        """Wait, at most as long as the run says."""
        self.timeout = context["params"]["wait_seconds"]
        self.poke_interval = POKE_SECONDS[Settings.from_env().dbt_target]
        return super().execute(context)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; what is found is logged and returned as XCom.

        Raises AirflowSkipException where nothing is found and another run waits for its turn, and in a dry run.
        """
        settings = Settings.from_env()
        try:
            found = self.look(settings)
        except WarehouseBusyError as busy:
            log.info("%s Looking again.", busy)
            return PokeReturnValue(False)
        if context["params"].get("dry_run"):
            raise AirflowSkipException(f"dry run, nothing was taken in; found {found or 'nothing new'}")
        if found:
            log.info("found %s", found)
        elif waiting := someone_waits(settings, asked_of(context)[1]):
            raise AirflowSkipException(f"nothing new, and {waiting} waits for its turn")
        elif is_continuous(context) and run_queued(context):
            raise AirflowSkipException("nothing new, and another run of this DAG waits")
        return PokeReturnValue(bool(found), str(found))

    def look(self, settings: Settings) -> News:
        """As news; on DuckDB without opening the warehouse while the landing folders are as they were.

        The run has the turn: what was not there at its first look comes by landing alone.
        """
        if settings.bigquery is not None:
            return news(settings)
        listed = landed(settings)
        found = News() if listed == self.seen else news(settings)
        self.seen = None if found else listed
        return found

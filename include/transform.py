"""How this deployment calls dbt in process: what is selected where, the manifest, the seeds."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from include.durable import write_text
from include.settings import Settings
from include.store import Table, open_store
from include.warehouse import release

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunResult
    from dbt.cli.main import dbtRunner, dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

log = logging.getLogger(__name__)

#: Told of a model that ended: its name, dbt's status, seconds, dbt's message.
Report = Callable[[str, str, float, str], None]


@dataclass(frozen=True)
class Selection:
    """What dbt works on: arguments of --select and --exclude."""

    select: tuple[str, ...]
    exclude: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The selection as dbt's command line takes it."""
        return ["--select", *self.select, *(["--exclude", *self.exclude] if self.exclude else [])]


#: Journeys are built before the gate, because fit_models, which comes before the other marts, reads them.
TRANSFORM = Selection(("path:models/staging", "path:models/intermediate", "mart_journeys"))
MARTS = Selection(("path:models/marts",), exclude=("mart_journeys",))
#: The checks of whole days read all of staging, so they are for runs that bring whole days.
GATE_OF_DAYS = Selection(TRANSFORM.select[:2], exclude=("resource_type:unit_test", "tag:audit"))
GATE = Selection(GATE_OF_DAYS.select, exclude=(*GATE_OF_DAYS.exclude, "tag:whole_days"))
AUDIT = Selection((*MARTS.select, "tag:audit"), exclude=("resource_type:unit_test",))

#: What builds tables and checks nothing.
MODELS_ONLY = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")

PROFILE = "attribution"

#: The checksum of the seeds that the warehouse holds.
SEEDS_LOADED = Table("seeds_loaded", {"checksum": "text"})


class DbtError(RuntimeError):
    """A dbt command failed; the message says which and why."""


def log_in(settings: Settings) -> None:
    """Have dbt, in this process, be who the pipeline is.

    Raises WarehouseError where there are no credentials or Google does not accept them.
    """
    if settings.bigquery is not None:
        # Google's client and Airflow's hook take seconds to import, which nobody pays on DuckDB
        from include.bigquery_errors import explained  # noqa: PLC0415
        from include.bigquery_login import lend_to_dbt  # noqa: PLC0415

        with explained(settings.bigquery):
            lend_to_dbt()


def _invoke(settings: Settings, runner: dbtRunner, command: str, *arguments: str) -> dbtRunnerResult:
    # of these a run only tests before its end, once `prepare` has called prepare_warehouse
    os.environ.update(settings.dbt_env() | {"ATTRIBUTION_PREPARED": "true" if command == "test" else ""})
    if command != "parse":  # parsing asks nobody
        log_in(settings)
    project = str(settings.dbt_project)
    where = ["--project-dir", project, "--profiles-dir", project]
    # said although they are the defaults, because Cosmos says them: dbt parses anew when these arguments change
    which = ["--profile", PROFILE, "--target", settings.dbt_target]
    try:
        result = runner.invoke(["--log-level", "none", *command.split(), *where, *which, *arguments])
    finally:
        release()
    if result.exception is not None:
        raise DbtError(f"dbt {command} failed: {result.exception}") from result.exception
    return result


@lru_cache(maxsize=1)
def _parsed(settings: Settings, files: tuple[tuple[Path, int], ...]) -> Manifest:
    """The project as dbt parses it, once a process as long as no file (with the time of its last change) is another."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - as in run_dbt

    manifest = cast("Manifest", _invoke(settings, dbtRunner(), "parse", "--no-write-json").result)
    gc.freeze()  # Cosmos collects garbage after each model; over this and all imports it takes half a second each time
    return manifest


def project_runner(settings: Settings, callbacks: Sequence[Callable[[EventMsg], None]] = ()) -> dbtRunner:
    """A runner that has the project parsed already: reading it again for each command is a third of a model's task.

    callbacks: called with each of dbt's events.

    Raises DbtError, with dbt's message, when the project does not parse.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - as in run_dbt

    files = tuple((path, path.stat().st_mtime_ns) for path in project_files(settings))
    return dbtRunner(manifest=_parsed(settings, files), callbacks=list(callbacks))


def run_dbt(settings: Settings, command: str, *arguments: str, report: Report | None = None) -> list[RunResult]:
    """Run one dbt command in this process and let go of the warehouse file afterwards.

    dbt's own log goes to its log file in the home; the caller reports what matters. The variables dbt reads are set in
    this process's environment: a process serves one deployment.

    report: told of each model as it ends: name, dbt's status (success, error, skipped), seconds, dbt's message.

    Returns the result of each node it worked on, failed ones included; none for a command that only parses.

    Raises DbtError when dbt could not do its work at all.
    """
    # two seconds to import, which a DAG file that only selects by this module is spared
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    def listen(event: EventMsg) -> None:
        ended: Any = event.data if event.info.name == "NodeFinished" else None
        if report is not None and ended is not None and ended.node_info.resource_type == "model":
            seconds, message = round(ended.run_result.execution_time, 2), ended.run_result.message.strip()
            report(ended.node_info.node_name, ended.node_info.node_status, seconds, message)

    parses = command == "parse" or "--vars" in arguments  # a project is parsed for its variables
    runner = dbtRunner() if parses else project_runner(settings, [listen])
    return list(getattr(_invoke(settings, runner, command, *arguments).result, "results", []))


def manifest_path(settings: Settings) -> Path:
    """The manifest that the DAGs are drawn from."""
    return settings.dbt_artifacts / "manifest.json"


def read_manifest(settings: Settings) -> dict[str, Any]:
    """That manifest, which `prepare` has dbt write.

    Raises FileNotFoundError before the first run.
    """
    manifest: dict[str, Any] = json.loads(manifest_path(settings).read_text())
    return manifest


def project_files(settings: Settings) -> list[Path]:
    """The files of the dbt project that a manifest depends on, in a fixed order."""
    folders = ("models", "macros", "seeds", "tests")
    files = [path for folder in folders for path in (settings.dbt_project / folder).rglob("*") if path.is_file()]
    return sorted([*files, settings.dbt_project / "dbt_project.yml", settings.dbt_project / "profiles.yml"])


def checksum(files: Iterable[Path], *texts: str) -> str:
    """One hash over the names and contents of the files and over the texts."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def project_checksum(settings: Settings, *texts: str) -> str:
    """One hash over the paths and contents of the project's files and over the texts."""
    files = project_files(settings)
    return checksum(files, *(path.relative_to(settings.dbt_project).as_posix() for path in files), *texts)


def manifest_is_stale(settings: Settings) -> bool:
    """Whether the manifest is missing or was made of other files than today's.

    The age of the files does not tell: those of a new release are often older than the manifest of the last run.
    """
    made_of = manifest_path(settings).with_suffix(".checksum")
    if not (manifest_path(settings).exists() and made_of.exists()):
        return True
    return made_of.read_text() != project_checksum(settings)


def refresh_manifest(settings: Settings) -> bool:
    """Have dbt write the manifest if it is stale; returns whether it was.

    Raises DbtError, with dbt's message, when the project does not parse.
    """
    if not manifest_is_stale(settings):
        return False
    made_of = project_checksum(settings)
    settings.dbt_artifacts.mkdir(parents=True, exist_ok=True)
    run_dbt(settings, "parse")
    write_text(manifest_path(settings).with_suffix(".checksum"), made_of)
    return True


def prepare_warehouse(settings: Settings) -> None:
    """Have dbt refuse settings that cannot work and make the tables that no model makes.

    Raises DbtError, with dbt's message.
    """
    run_dbt(settings, "show", "--inline", "{{ prepare_warehouse() }} select 1", "--no-write-json")


def load_seeds(settings: Settings) -> Sequence[str]:
    """Load and test dbt's seeds when a seed file changed since they were last loaded; the names of those loaded.

    The checksum of what was loaded is kept in the warehouse, so a new warehouse gets its seeds whatever came before.

    Raises DbtError when dbt refuses a seed or one of its tests fails.
    """
    files = sorted(path for path in (settings.dbt_project / "seeds").rglob("*") if path.is_file())
    names = sorted(path.stem for path in files if path.suffix == ".csv")
    version = checksum(files)
    with open_store(settings) as store:
        if store.has(SEEDS_LOADED.name, *names) and store.rows("select checksum from seeds_loaded") == [(version,)]:
            return []
    # cautious: a model's test that also reads a seed is the gate's, once the model is built
    results = run_dbt(settings, "build", "--select", "resource_type:seed", "--indirect-selection", "cautious")
    failed = [f"{one.node.name}: {str(one.message).strip()}" for one in results if one.status in {"error", "fail"}]
    if failed:
        raise DbtError(f"loading the seeds failed: {'; '.join(failed)}. Correct the file under dbt/seeds.")
    with open_store(settings) as store:
        store.put(SEEDS_LOADED, {"checksum": version})
    log.info("loaded the seeds %s", ", ".join(names))
    return names

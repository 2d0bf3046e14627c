"""Every setting that comes from the environment, read in this one place.

dbt reads the same variables through `env_var`; docs/settings.md lists them with their defaults.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from croniter import croniter

PROJECT = Path(__file__).resolve().parent.parent
TARGETS = ("local", "bigquery")
CRON_FIELDS = 5
#: A micro-batch starts when something lands.
CONTINUOUS = "continuous"
#: When micro-batches start unless MICROBATCH_SCHEDULE says, by DBT_TARGET: each look at BigQuery is a query.
SCHEDULES = {"local": CONTINUOUS, "bigquery": "*/5 * * * *"}
#: PUBLISHED_READERS: who may read the published file, and the mode of its folder.
READERS = {"owner": 0o700, "group": 0o750, "all": 0o755}
KEPT = "settings.json"
NONE = "none"  # of a list: empty, though the home keeps one; of the schedule: none
ALERT_CONNECTIONS = ("attribution_webhook", "attribution_mail")


class SettingError(ValueError):
    """A setting has a value that cannot work; the message names it, the value and what to do."""


def _whole(env: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = env.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise SettingError(f"{name} is {text!r}; allowed is a whole number from {least} on")
    return int(text)


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").strip().lower() or "false"
    if text not in {"true", "false"}:
        raise SettingError(f"{name} is {text!r}; allowed are true and false")
    return text == "true"


def read_kept(home: Path) -> dict[str, str]:
    """The settings that the home keeps (include/home_kind.py); none where it keeps none."""
    path = home / KEPT
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError:
        return {}
    except ValueError as error:
        raise SettingError(f"{path} is damaged ({error}). Delete it and set what it kept again.") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingError(f"{path} is damaged: it must hold texts by name. Delete it and set what it kept again.")
    return found


@dataclass(frozen=True)
class BigQuery:
    """Where the warehouse lies in BigQuery, and what a query may cost.

    project: whose queries they are (GCP_PROJECT).
    export: the dataset of the GA4 export, as `project.dataset` (GA4_DATASET); may be Google's public sample.
    dataset: what dbt writes (ATTRIBUTION_DATASET); readers see `published`, the same name with `_published`.
    location: of all three datasets (BQ_LOCATION).
    max_bytes_billed: what one query may read, in bytes (BQ_MAX_BYTES_BILLED); one that would read more is refused.
    priority: `interactive`, or `batch`: queued until slots are idle (BQ_PRIORITY).
    """

    project: str
    export: str
    dataset: str = "attribution"
    location: str = "US"
    max_bytes_billed: int = 100_000_000_000
    priority: str = "interactive"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> BigQuery:
        """Raises SettingError for what is missing or cannot work."""
        project, export = env.get("GCP_PROJECT", "").strip(), env.get("GA4_DATASET", "").strip()
        if not project:
            raise SettingError(
                "GCP_PROJECT is not set; DBT_TARGET bigquery needs the project that pays for the queries"
            )
        if export.count(".") != 1 or not all(export.split(".")):
            raise SettingError(f"GA4_DATASET is {export!r}; write the export's dataset as project.dataset")
        priority = env.get("BQ_PRIORITY", "").strip().lower() or cls.priority
        if priority not in {"interactive", "batch"}:
            raise SettingError(f"BQ_PRIORITY is {priority!r}; allowed are interactive and batch")
        return cls(
            project=project,
            export=export,
            dataset=env.get("ATTRIBUTION_DATASET", "").strip() or cls.dataset,
            location=env.get("BQ_LOCATION", "").strip() or cls.location,
            max_bytes_billed=_whole(env, "BQ_MAX_BYTES_BILLED", default=cls.max_bytes_billed, least=1),
            priority=priority,
        )

    @property
    def published(self) -> str:
        """The dataset of the published marts."""
        return f"{self.dataset}_published"

    def dbt_env(self) -> dict[str, str]:
        """The same settings as dbt's profile reads them."""
        return {
            "GCP_PROJECT": self.project,
            "GA4_DATASET": self.export,
            "ATTRIBUTION_DATASET": self.dataset,
            "BQ_LOCATION": self.location,
            "BQ_MAX_BYTES_BILLED": str(self.max_bytes_billed),
            "BQ_PRIORITY": self.priority,
        }


@dataclass(frozen=True)
class Settings:
    """Where this deployment keeps its state and which warehouse it writes to.

    home: the folder of all local state (ATTRIBUTION_HOME, default `.local` in the project).
    ga4_export: the folder of GA4 export files, one Parquet file a table (GA4_EXPORT, default `landing/ga4` in home).
    dbt_target: `local` (DuckDB) or `bigquery` (DBT_TARGET).
    own_domains: domains whose referrals are our own pages (OWN_DOMAINS, comma-separated).
    erase_from_export: whether deletion and retention also write what is not ours: the tables of the GA4 export, and
        files outside the home's landing folder (ERASE_FROM_EXPORT).
    bigquery: the warehouse in BigQuery; None where dbt_target is local.
    alert_connections: the Airflow connections by which alerts go out (ALERT_CONNECTIONS, comma-separated);
        alert_connections_named: whether the environment names them, so that each has to exist.
    schedule: when micro-batches start: CONTINUOUS, or cron in UTC; None: only when triggered (MICROBATCH_SCHEDULE).
    late_minutes: when a micro-batch that has not ended is late (LATE_MINUTES).
    stale_minutes: how long no new events may come (STALE_MINUTES); 0: for ever.
    published_readers: which users of the machine may read the published file (PUBLISHED_READERS).
    simulate: whether demo data is wanted on BigQuery, or in a home that holds nothing yet (SIMULATE).
    """

    home: Path
    ga4_export: Path
    dbt_target: str = "local"
    own_domains: tuple[str, ...] = ()
    erase_from_export: bool = False
    bigquery: BigQuery | None = None
    alert_connections: tuple[str, ...] = ALERT_CONNECTIONS
    alert_connections_named: bool = False
    schedule: str | None = CONTINUOUS
    late_minutes: int = 30
    stale_minutes: int = 2160
    published_readers: str = "owner"
    simulate: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `env` (default: the process environment), else those that the home keeps.

        Raises SettingError for a value that cannot work.
        """
        env = os.environ if env is None else env
        home = Path(env.get("ATTRIBUTION_HOME") or PROJECT / ".local").absolute()
        kept = read_kept(home)
        domains = env.get("OWN_DOMAINS", "").strip() or kept.get("OWN_DOMAINS", "")
        export = env.get("GA4_EXPORT") or home / kept.get("GA4_EXPORT", "landing/ga4")
        target = env.get("DBT_TARGET") or "local"
        if target not in TARGETS:
            raise SettingError(f"DBT_TARGET is {target!r}; allowed are {' and '.join(TARGETS)}")
        schedule = env.get("MICROBATCH_SCHEDULE", "").strip() or SCHEDULES[target]
        is_cron = len(schedule.split()) == CRON_FIELDS and croniter.is_valid(schedule)
        if schedule not in {NONE, CONTINUOUS} and not is_cron:
            raise SettingError(
                f"MICROBATCH_SCHEDULE is {schedule!r}; allowed are {CONTINUOUS}, the five fields of cron, and {NONE}"
            )
        readers = env.get("PUBLISHED_READERS", "").strip().lower() or cls.published_readers
        if readers not in READERS:
            raise SettingError(f"PUBLISHED_READERS is {readers!r}; allowed are {', '.join(READERS)}")
        named = tuple(one.strip() for one in env.get("ALERT_CONNECTIONS", "").split(",") if one.strip())
        return cls(
            home=home,
            ga4_export=Path(export).absolute(),
            dbt_target=target,
            own_domains=tuple(d for one in domains.split(",") if (d := one.strip().lower()) not in {"", NONE}),
            erase_from_export=_switch(env, "ERASE_FROM_EXPORT"),
            bigquery=BigQuery.from_env(env) if target == "bigquery" else None,
            alert_connections=named or ALERT_CONNECTIONS,
            alert_connections_named=bool(named),
            schedule=None if schedule == NONE else schedule,
            late_minutes=_whole(env, "LATE_MINUTES", default=30, least=1),
            stale_minutes=_whole(env, "STALE_MINUTES", default=2160, least=0),
            published_readers=readers,
            simulate=_switch(env, "SIMULATE"),
        )

    @property
    def wait_seconds(self) -> int:
        """How long a micro-batch waits for something new before it is skipped: well below what makes it late."""
        return self.late_minutes * 10 if self.schedule == CONTINUOUS else 240

    @property
    def dbt_project(self) -> Path:
        """The folder of dbt_project.yml and profiles.yml."""
        return PROJECT / "dbt"

    @property
    def streamed_events(self) -> Path:
        """The landing folder of streamed events: NDJSON files, one a batch."""
        return self.home / "landing" / "streamed_events"

    @property
    def ad_spend(self) -> Path:
        """The landing folder of ad spend: CSV files (docs/ad_spend.md)."""
        return self.home / "landing" / "ad_spend"

    @property
    def outbox(self) -> Path:
        """Simulated batches that are not loaded into BigQuery yet: NDJSON files, one a batch."""
        return self.home / "outbox"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that dbt writes."""
        return self.home / "warehouse.duckdb"

    @property
    def deletion_requests(self) -> Path:
        """The folder of open deletion requests: CSV files (docs/runbooks/deletion_request.md)."""
        return self.home / "deletion_requests"

    @property
    def tombstones(self) -> Path:
        """Whose rows are never taken in again; outlives the warehouse."""
        return self.home / "tombstones.csv"

    @property
    def history(self) -> Path:
        """How far back readers see, and the first event ever known; outlives the warehouse."""
        return self.home / "history.json"

    @property
    def published(self) -> Path:
        """The DuckDB file that readers open: the marts of the last batch that passed every check."""
        return self.home / "published" / "attribution.duckdb"

    @property
    def readers_mode(self) -> int:
        """The mode of the published file's folder."""
        return READERS[self.published_readers]

    @property
    def home_kind(self) -> Path:
        """What the home holds: demo data, one's own, or both (include/home_kind.py)."""
        return self.home / "home_kind"

    @property
    def kept_settings(self) -> Path:
        """The settings that decide numbers, as the last run had them (include/home_kind.py)."""
        return self.home / KEPT

    @property
    def empty(self) -> Path:
        """Where the empty template files lie, less their suffix: they keep a list of files to read non-empty."""
        return self.home / "templates" / "empty"

    @property
    def simulated(self) -> Path:
        """The simulator's notes of the files it wrote, by name; the folder is named as in earlier versions."""
        return self.home / "truth" / "visits"

    @property
    def dbt_artifacts(self) -> Path:
        """The target folder of dbt: manifest, partial parse, compiled SQL."""
        return self.home / "dbt_target"

    @property
    def dbt_docs(self) -> Path:
        """The folder of the dbt docs that Airflow's UI shows; written by the upkeep."""
        return self.home / "dbt_docs"

    def dbt_env(self) -> dict[str, str]:
        """The environment dbt needs to find the same places, with absolute paths."""
        return {
            "ATTRIBUTION_HOME": str(self.home),
            "GA4_EXPORT": str(self.ga4_export),
            "DBT_TARGET": self.dbt_target,
            "OWN_DOMAINS": ",".join(self.own_domains) or NONE,
            "ATTRIBUTION_PROJECT": str(PROJECT),
            "DBT_TARGET_PATH": str(self.dbt_artifacts),
            "DBT_LOG_PATH": str(self.home / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **(self.bigquery.dbt_env() if self.bigquery else {}),
        }


def read_variables(settings: Settings) -> dict[str, Any]:
    """The vars of dbt_project.yml by name."""
    project = yaml.safe_load((settings.dbt_project / "dbt_project.yml").read_text())
    return dict(project.get("vars") or {})

"""Every Airflow setting of the local deployment, its secrets, and what of the shell's environment reaches a run."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path

from include.settings import PROJECT, Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")

#: The variables of proxies that httpx, requests and urllib read, and the kinds of proxy that all of them take.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_KINDS = {"http", "https", "socks5", "socks5h"}

OURS = {"DBT_TARGET"}

DEFAULT_PORT = 8080
USER = "admin"


@dataclass(frozen=True)
class Secrets:
    """What Airflow encrypts and signs with, and the password of the local user; one set a home."""

    fernet_key: str
    api_secret: str
    jwt_secret: str
    password: str


def airflow_home(settings: Settings) -> Path:
    """The folder of Airflow's metadata database, caches and secrets."""
    return settings.home / "airflow"


def passwords_file(settings: Settings) -> Path:
    """The file in which Airflow's simple auth manager looks up the local user's password."""
    return airflow_home(settings) / "passwords.json"


def deployment_secrets(settings: Settings) -> Secrets:
    """The secrets of this home: made once, kept in a file that only its owner can read, never logged.

    Raises ValueError when the file is there but is not what this function wrote.
    """
    folder = airflow_home(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secrets.json"
    if not path.exists():
        fresh = Secrets(
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            api_secret=secrets.token_urlsafe(32),
            jwt_secret=secrets.token_urlsafe(64),
            password=secrets.token_urlsafe(12),
        )
        _write_private(path, json.dumps(asdict(fresh)))
    try:
        kept = Secrets(**json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged. Delete it; the next start makes new secrets.") from error
    passwords = json.dumps({USER: kept.password})
    if not passwords_file(settings).exists() or passwords_file(settings).read_text() != passwords:
        _write_private(passwords_file(settings), passwords)
    return kept


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def airflow_env(settings: Settings, keys: Secrets, *, port: int = DEFAULT_PORT) -> dict[str, str]:
    """The environment of every Airflow process of this deployment: the AIRFLOW__* settings and those dbt needs.

    `port` is the API server's; tasks reach it there too, so it stands in two settings. Pure: the same arguments give
    the same environment.
    """
    home = airflow_home(settings)
    logs = settings.home / "logs" / "airflow"
    docs = {"attribution": {"dir": str(settings.dbt_docs), "index": "static_index.html", "name": "dbt docs"}}
    return {
        **settings.dbt_env(),
        "PYTHONPATH": str(PROJECT),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(settings)),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",  # of the links in alerts
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": keys.api_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
        "AIRFLOW__API_AUTH__JWT_ISSUER": "attribution",
        # SQLite's own patience of five seconds ran out where several runs wrote on a busy machine
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        # How long a scheduler with nothing to do sleeps. The default, a second, is lost after each task of a run. 0.1 s
        # cost 15 % of a core at rest; 0.3 s costs 8 %, and a run of 30 s takes 1 s more.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        # A file that changed is read at once; the others need no reading each half minute.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__CORE__PARALLELISM": "8",
        # A killed worker's task was taken for running for five minutes, and a killed scheduler's for five more.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos_cache"),
        "AIRFLOW__COSMOS__DBT_DOCS_PROJECTS": json.dumps(docs),
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",
    }


def without_proxy(env: Mapping[str, str], hosts: Iterable[str] = LOOPBACK) -> dict[str, str]:
    """The variables by which these hosts are reached without a proxy, as those are that `env` names. Pure."""
    named = ",".join(env.get(name, "") for name in ("no_proxy", "NO_PROXY")).split(",")
    every = ",".join(dict.fromkeys(one.strip() for one in (*named, *hosts) if one.strip()))
    return {"no_proxy": every, "NO_PROXY": every}


def clean(env: MutableMapping[str, str]) -> list[str]:
    """Take out what would change a run that did not ask for it, and keep this machine's own calls off every proxy.

    Out go the settings of Airflow and dbt (a home's own are in its airflow/airflow.cfg, this project's in
    dbt_project.yml), and a proxy of a kind that a library of ours would stumble over. Returns their names.
    """
    out = [name for name in env if name.startswith(("AIRFLOW__", "DBT_")) or name == "AIRFLOW_CONFIG"]
    for name in (cased for one in PROXIES for cased in (one, one.lower()) if cased in env):
        kind = re.match(r"(\w+)://", env[name])
        if kind and kind[1].lower() == "socks":  # how desktops write it
            env[name] = f"socks5://{env[name][kind.end() :]}"
        elif kind and kind[1].lower() not in PROXY_KINDS:
            out.append(name)
    out = sorted(set(out) - OURS)
    for name in out:
        del env[name]
    env.update(without_proxy(env))
    return out

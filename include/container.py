"""A service of docker-compose.yml: `python -m include.container scheduler` becomes that component of Airflow.

The settings are those of `make up` (include/airflow_env.py) where compose says nothing else, and the secrets are this
deployment's own, which `secrets` has made before anything else starts.

    python -m include.container secrets      make what is missing of the secrets
    python -m include.container metadata     make or migrate Airflow's database, write dbt's manifest
    python -m include.container login        print the login of the UI
    python -m include.container ARGUMENTS    airflow ARGUMENTS (the Helm chart's begin with airflow themselves)
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from include.airflow_env import LOOPBACK, USER, airflow_env, deployment_secrets, without_proxy
from include.durable import write_text
from include.home import keep_private
from include.settings import SettingError, Settings

API = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def password_file(env: Mapping[str, str]) -> Path:
    """The file that PostgreSQL and Airflow read the database's password from.

    Raises SettingError where the environment does not name it.
    """
    name = env.get("DATABASE_PASSWORD_FILE")
    if not name:
        raise SettingError("DATABASE_PASSWORD_FILE is not set; docker-compose.yml says where it is")
    return Path(name)


def make_secrets(settings: Settings, env: Mapping[str, str]) -> None:
    """Make what is missing of this deployment's secrets; what is there stays.

    The database's password has a folder of its own, for PostgreSQL reads it as another user.
    """
    deployment_secrets(settings)
    path = password_file(env)
    if not path.exists():
        write_text(path, secrets.token_urlsafe(32))
        path.chmod(0o444)


def database(env: Mapping[str, str]) -> str:
    """Where compose's PostgreSQL is. Raises as environment."""
    host = env.get("DATABASE_HOST")
    if not host:
        raise SettingError("DATABASE_HOST is not set; docker-compose.yml names the service and its port")
    password = quote(password_file(env).read_text(encoding="utf-8"), safe="")
    return f"postgresql+psycopg2://airflow:{password}@{host}/airflow"


def environment(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of an Airflow component in a container; what `env` sets of Airflow's own settings counts more.

    Raises SettingError where the database is not named, OSError where the secrets were not made.
    """
    own = {name: value for name, value in env.items() if name.startswith("AIRFLOW__")}
    return {
        **airflow_env(settings, deployment_secrets(settings)),
        DATABASE: own.get(DATABASE) or database(env),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "True",
        **own,
        **without_proxy(env, (*LOOPBACK, urlsplit(own.get(API, "")).hostname or "")),
    }


def module(arguments: list[str]) -> list[str]:
    """The module that does the command, and its arguments. Pure."""
    if arguments == ["metadata"]:
        return ["include.metadata"]
    return ["airflow", *(arguments[1:] if arguments[:1] == ["airflow"] else arguments)]


def main(arguments: list[str]) -> None:
    """Do the command, or become it."""
    os.umask(0o077)
    settings, env = Settings.from_env(), dict(os.environ)
    keep_private(settings)
    if arguments == ["secrets"]:
        make_secrets(settings, env)
    elif arguments == ["login"]:
        sys.stdout.write(f"user: {USER}  password: {deployment_secrets(settings).password}\n")
    else:
        os.execve(  # noqa: S606 - becomes the component, so that signals reach it
            sys.executable, [sys.executable, "-m", *module(arguments)], {**env, **environment(settings, env)}
        )


if __name__ == "__main__":
    main(sys.argv[1:])

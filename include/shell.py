"""What of the shell's environment reaches a command's run: proxies do, settings of Airflow and dbt do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")

#: The variables of proxies that httpx, requests and urllib read, and the kinds of proxy that all of them take.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_KINDS = {"http", "https", "socks5", "socks5h"}

OURS = {"DBT_TARGET"}


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

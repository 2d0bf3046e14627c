"""Where the dashboard answers, under Airflow. Imports nothing of the web side: every component loads plugins."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf

#: Where Airflow mounts the app.
PREFIX = "/attribution"


def base_path() -> str:
    """The path under which Airflow answers; empty where that is the root of its host."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")

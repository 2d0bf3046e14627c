"""Registers the preload with Airflow: see include/preload.py."""

from __future__ import annotations

import sys

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from include.preload import import_modules, preload
from include.settings import Settings


class Preload:
    """Listens to the start of Airflow's components."""

    @hookimpl
    def on_starting(self, component: object) -> None:
        """Preload before the scheduler forks its workers, and the imports before the DAG processor forks its parsers.

        Airflow calls this before a job knows its type, so the command line tells which component starts.
        """
        if type(component).__name__ != "Job":
            return
        command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
        if command == "scheduler":
            preload(Settings.from_env())
        elif command == "dag-processor":
            import_modules(Settings.from_env())


class PreloadPlugin(AirflowPlugin):
    """Makes Airflow load the listener."""

    name = "attribution_preload"
    listeners = [Preload()]  # noqa: RUF012 - Airflow declares this attribute as a plain list

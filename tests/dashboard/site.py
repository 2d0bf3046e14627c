"""The dashboard as a browser sees it: served by uvicorn behind Airflow's real login, and a chromium to look at it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright

from include.local_airflow import free_port
from include.publish import publish
from include.settings import Settings
from include.simulator.history import write_history
from include.simulator.spend import write_spend
from include.simulator.stream import write_batch
from tests.dbt.project import Project

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
NO_CHROMIUM = f"no chromium on this machine (looked for {', '.join(NAMES)}); Debian has it: apt-get install chromium"


def build(home: Path, *, end: datetime, days: int, people: int, run: str) -> Settings:
    """A published home: some days of a small shop, what its ads cost, and a batch with lines that are no events."""
    project = Project(home)
    settings = project.settings
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=11, end=end, days=days, people=people)
    write_spend(settings.ad_spend, seed=11, end=end, days=days, people=people)
    write_batch(settings, events=30, seed=3, bad=3)
    project.build()
    publish(settings, run)
    return settings


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a port of 127.0.0.1; its address."""
    port = free_port(0)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "uvicorn did not start"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's chromium without a window; root may only run it without its sandbox."""
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*alone, "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()

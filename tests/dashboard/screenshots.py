"""`make screenshots`: the pictures of the dashboard in docs/images, after real runs on a generated month up to now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from include.airflow_env import airflow_env, deployment_secrets
from include.settings import PROJECT, Settings
from tests.dashboard.site import CHROMIUM, NO_CHROMIUM, chromium, served

IMAGES = PROJECT / "docs" / "images"
RUNS = 3


def channels(page: Page) -> None:
    """The first screen of the last 7 days."""
    page.get_by_role("button", name="Last 7 days").click()
    page.wait_for_load_state("networkidle")


def why(page: Page) -> None:
    """An order of three or four touches that last click gives to email."""
    page.get_by_role("button", name="Campaigns of Email").click()
    page.get_by_role("button", name=re.compile("^All conversions of")).click()
    rows = page.get_by_role("table", name="Conversions", exact=True).get_by_role("row")
    rows.filter(has=page.locator("td:nth-child(6)", has_text=re.compile("^[34]$"))).first.get_by_role("button").click()
    page.locator(".touches").wait_for()
    page.evaluate("document.getElementById('drill').scrollIntoView()")


def nothing(page: Page) -> None:
    """The page as it opens."""


PICTURES = (
    ("channels_light", "", "light", (1360, 900), channels),
    ("why_dark", "", "dark", (1360, 900), why),
    ("phone_light", "", "light", (390, 844), channels),
    ("operations_light", "operations", "light", (1360, 900), nothing),
)


def take(settings: Settings) -> None:
    """Serve the home's dashboard and take the pictures."""
    os.environ.update(airflow_env(settings, deployment_secrets(settings)))  # before airflow is imported
    from airflow.api_fastapi.app import init_auth_manager  # noqa: PLC0415
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: PLC0415
    from fastapi import FastAPI  # noqa: PLC0415

    from include.dashboard.address import PREFIX  # noqa: PLC0415
    from include.dashboard.app import create_app  # noqa: PLC0415

    token = init_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin"))
    root = FastAPI()
    root.mount(PREFIX, create_app(settings))
    IMAGES.mkdir(exist_ok=True)
    with served(root) as address, chromium() as browser:
        for name, path, theme, (width, height), prepare in PICTURES:
            context = browser.new_context(
                color_scheme="dark" if theme == "dark" else "light", viewport={"width": width, "height": height}
            )
            context.add_cookies([{"name": "_token", "value": token, "url": address}])
            page = context.new_page()
            page.goto(f"{address}{PREFIX}/{path}")
            page.wait_for_load_state("networkidle")
            prepare(page)
            page.wait_for_timeout(600)  # plotly draws what it measured
            page.screenshot(path=IMAGES / f"{name}.png")
            context.close()


def main() -> int:
    """Write the pictures; the exit code."""
    if CHROMIUM is None:
        sys.stderr.write(f"{NO_CHROMIUM}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ATTRIBUTION_HOME": folder}
        for _ in range(RUNS):
            run = [sys.executable, "-m", "include.run", "--events", "20"]
            subprocess.run(run, env=environment, cwd=PROJECT, check=True)
        home = Path(folder)
        take(Settings(home=home, ga4_export=home / "landing" / "ga4"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

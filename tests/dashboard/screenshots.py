"""`make screenshots`: the pictures of the dashboard in docs/images, of a month of a generated shop up to now."""

from __future__ import annotations

import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.api_fastapi.app import init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.base import Base
from airflow.settings import engine
from fastapi import FastAPI
from playwright.sync_api import Page

from include.dashboard.access import PREFIX
from include.dashboard.app import create_app
from include.settings import PROJECT
from tests.dashboard.site import CHROMIUM, NO_CHROMIUM, build, chromium, served

IMAGES = PROJECT / "docs" / "images"


def channels(page: Page) -> None:
    """The first screen of the last 7 days."""
    page.get_by_role("button", name="Last 7 days").click()
    page.wait_for_load_state("networkidle")


def why(page: Page) -> None:
    """An order that last click gives to email and first click to another channel."""
    page.get_by_role("button", name="Campaigns of Email").click()
    page.get_by_role("button", name=re.compile("^All conversions of")).click()
    rows = page.get_by_role("table", name="Conversions").get_by_role("row")
    long = rows.filter(has=page.locator("td:nth-child(6)", has_text=re.compile("^[34]$"))).first
    long.get_by_role("button").click()
    page.locator(".touches").wait_for()
    page.locator("#drill").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('drill').scrollIntoView()")


def main() -> int:
    """Write the pictures; the exit code."""
    if CHROMIUM is None:
        sys.stderr.write(f"{NO_CHROMIUM}\n")
        return 2
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        settings = build(Path(folder), end=end, days=30, people=3000, run=f"scheduled__{end.isoformat()}")
        Base.metadata.create_all(engine)
        token = init_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin"))
        root = FastAPI()
        root.mount(PREFIX, create_app(settings))
        with served(root) as address, chromium() as browser:
            for name, path, theme, width, height, prepare in (
                ("channels_light", "", "light", 1360, 900, channels),
                ("why_dark", "", "dark", 1360, 900, why),
                ("phone_light", "", "light", 390, 844, channels),
                ("operations_light", "operations", "light", 1360, 700, lambda page: None),
            ):
                context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": height})
                context.add_cookies([{"name": "_token", "value": token, "url": address}])
                page = context.new_page()
                page.goto(f"{address}{PREFIX}/{path}")
                page.wait_for_load_state("networkidle")
                prepare(page)
                page.wait_for_timeout(600)  # plotly draws what it measured
                page.screenshot(path=IMAGES / f"{name}.png")
                context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

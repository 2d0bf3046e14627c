"""The pages in a real browser: on both themes, on a phone, by keyboard, and when nothing can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from include.dashboard import conversions
from include.dashboard.app import create_app
from include.dashboard.report import main
from include.settings import Settings
from tests.dashboard.conftest import Ask, Token
from tests.dashboard.site import CHROMIUM, NO_CHROMIUM, chromium, served
from tests.dbt.project import environment

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)

PATIENCE_MS = 120_000  # a busy machine breaks nothing
expect.set_options(timeout=PATIENCE_MS)

WEEK = "conversion_date between '2026-01-25' and '2026-01-31'"
TOPS = """
select channel, sum(revenue) as revenue from mart_attribution where {week} and model = '{model}'
group by channel order by revenue desc limit 1
"""
BARE = """
() => [...document.querySelectorAll('input, select')].filter((e) => !e.labels.length && !e.ariaLabel).length
    + [...document.querySelectorAll('.chart')].filter((e) => !e.ariaLabel || e.getAttribute('role') !== 'img').length
    + [...document.querySelectorAll('table')].filter((e) => !e.caption).length
    + [...document.querySelectorAll('button, a')].filter((e) => !e.textContent.trim()).length
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard, and beside it one without a published file."""
    empty = tmp_path_factory.mktemp("empty")
    app.mount("/empty", create_app(Settings(home=empty, ga4_export=empty)))
    with served(app) as address:
        yield address


@pytest.fixture
def page(browser: Browser, site: str, token: Token) -> Iterator[Page]:
    """A page of a viewer, which takes nothing from anywhere else and in whose console nothing goes wrong."""
    wrong: list[str] = []
    with browser.new_context(viewport={"width": 1360, "height": 900}) as context:
        context.add_cookies([{"name": "_token", "value": token("viewer"), "url": site}])
        context.route(lambda url: not url.startswith(site), lambda route: pytest.fail(f"asked for {route.request.url}"))
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page
    # a status of 4xx or 5xx is what some of the tests ask for
    assert [one for one in wrong if "Failed to load resource" not in one] == []


def is_dark(page: Page) -> bool:
    """Whether the theme and the background are dark."""
    red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
    dark: bool = page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert dark == (red < 128)
    return dark


def credited(path: list[str]) -> str:
    """The channel that last click credits: the last that is not direct, else the last."""
    return next((channel for channel in reversed(path) if channel != "Direct"), path[-1])


def dollars(value: object) -> str:
    """As the page writes money."""
    return f"${value:,.2f}"


def test_who_earned_most_last_week_and_why_an_order_went_to_email(page: Page, site: str, marts: Ask) -> None:
    page.goto(f"{site}/attribution/")
    page.get_by_role("button", name="Last 7 days").click()
    expect(page.locator("[name=start]")).to_have_value("2026-01-25")
    for model in ("last_click", "first_click"):
        (top,) = marts(TOPS.format(week=WEEK, model=model))
        said = f"{model.replace('_', ' ').capitalize()}: {top['channel']} {dollars(top['revenue'])}"
        expect(page.locator("#answer")).to_contain_text(said)
    table = page.get_by_role("table", name="Channels under both models")
    for row in marts(f"""
        select channel, sum(revenue) filter (model = 'last_click') as last,
            sum(revenue) filter (model = 'first_click') as first
        from mart_attribution where {WEEK} group by channel having first + last > 0
    """):
        line = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=f"Campaigns of {row['channel']}"))
        expect(line).to_contain_text(dollars(row["last"]))
        expect(line).to_contain_text(dollars(row["first"]))
    expect(page.locator("#channels-chart .main-svg").first).to_be_visible()
    expect(page.locator("#paths-chart .sankey-node").first).to_be_visible()

    table.get_by_role("button", name="Campaigns of Email").click()
    page.get_by_role("button", name=re.compile("^Conversions of")).first.click()
    page.get_by_role("button", name=re.compile("^Why order")).first.click()
    expect(page.locator(".why").first).to_contain_text("Last click credits Email")
    expect(page.locator(".why").first).to_contain_text("the latest touch that is not direct earns all")
    expect(page.locator(".touches li").first).to_be_visible()
    told = page.locator(".why").all_text_contents()
    crumbs = page.locator("#crumbs li").all_text_contents()
    assert (crumbs[:2], crumbs[-1]) == (["All campaigns", "Email"], "One conversion")
    assert re.fullmatch(r"\S+ / email / .+", crumbs[2])

    page.reload()
    expect(page.locator(".why").first).to_be_visible()
    assert page.locator(".why").all_text_contents() == told, "the address keeps all of it"
    assert page.evaluate(BARE) == 0
    page.go_back()
    expect(page.get_by_role("table", name="Conversions", exact=True)).to_be_visible()


def test_filters_change_the_figures_and_the_address(page: Page, site: str, marts: Ask) -> None:
    page.goto(f"{site}/attribution/?start=2026-01-25&end=2026-01-31")
    page.locator("[name=model]").select_option("linear")
    page.locator("[name=customer]").select_option("new")
    page.locator("[name=channel]").select_option("Paid Search")
    (earned,) = marts(
        f"select sum(revenue) as revenue from mart_attribution where {WEEK} and model = 'linear' "
        "and customer_type = 'new' and channel = 'Paid Search'"
    )
    expect(page.locator("#tiles")).to_contain_text(dollars(earned["revenue"]))
    assert {"model=linear", "customer=new", "channel=Paid+Search"} <= set(page.url.partition("?")[2].split("&"))
    page.locator("[name=measure]").select_option("conversions")
    expect(page.locator("#answer")).to_contain_text(
        "Conversions of Paid Search, 25 Jan 2026 to 31 Jan 2026, new customers"
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Download channels as CSV").click()
    assert dollars(earned["revenue"])[1:].replace(",", "") in Path(download.value.path()).read_text()
    asked = page.url
    page.get_by_role("link", name="Operations", exact=True).click()
    expect(page.locator("#ops-tiles")).to_contain_text("Last publish")
    page.get_by_role("link", name="Channels").click()
    expect(page.locator("#answer")).to_contain_text("Conversions of Paid Search")
    assert page.url == asked, "the way to Operations and back keeps the filters"


def test_operations_lead_to_the_raw_event(page: Page, site: str, marts: Ask) -> None:
    page.goto(f"{site}/attribution/operations")
    expect(page.locator("#ops-tiles")).to_contain_text("Last publish")
    expect(page.get_by_role("table", name="Published runs")).to_contain_text("manual__2026-01-31")
    row = marts("select reason, payload from quarantine where payload is not null order by 1 limit 1")[0]
    page.get_by_role("button", name=row["reason"]).click()
    page.locator("#rejected summary").first.click()
    expect(page.locator("#rejected pre").first).to_be_visible()
    assert page.evaluate(BARE) == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("", "operations"):
        page.goto(f"{site}/attribution/{path}")
        page.wait_for_load_state("networkidle")
        expect(page.locator(".tiles dd").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_follows_the_system_airflows_theme_and_the_keyboard(page: Page, site: str) -> None:
    page.goto(f"{site}/attribution/")
    assert not is_dark(page)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    assert is_dark(page)
    page.evaluate("localStorage.clear()")
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert is_dark(page)
    expect(page.locator("#channels-table table")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the figures"
    page.locator("#channels-table button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#crumbs [aria-current]")).not_to_have_text("All campaigns")


def test_what_cannot_be_shown_says_what_to_do(page: Page, site: str) -> None:
    for path, says in (
        ("empty/", ("Nothing to show yet", "Run attribution_microbatch")),
        ("empty/operations", ("Nothing to show yet", "Run attribution_microbatch")),
        ("attribution/?model=nonsense", ("This filter does not work", "published are first_click")),
        ("attribution/?modle=linear", ("This filter does not work", "modle")),
    ):
        page.goto(f"{site}/{path}")
        for part in says:
            expect(page.get_by_role("alert")).to_contain_text(part)
        expect(page.locator("#figures, #ops-tiles").first).to_be_hidden()
        expect(page.locator("#filters")).to_be_hidden()


def test_a_period_without_conversions_says_so_once(page: Page, site: str) -> None:
    page.goto(f"{site}/attribution/?start=2020-01-01&end=2020-01-02")
    expect(page.locator("#answer")).to_contain_text("No channel earned anything in this period")
    expect(page.locator(".chart:visible")).to_have_count(0)
    expect(page.get_by_role("heading", level=2).locator("visible=true")).to_have_text(
        ["Why: from a channel to one order"]
    )
    page.get_by_role("button", name="Last 7 days").click()
    expect(page.locator("#channels-chart .main-svg").first).to_be_visible()
    page.get_by_role("button", name="Campaigns of Email").click()
    page.get_by_role("button", name="All conversions of Email").click()
    expect(page.locator("#crumbs li")).to_have_text(["All campaigns", "Email", "All conversions"])


def test_the_report_is_one_file_that_needs_nobody(
    browser: Browser, settings: Settings, tmp_path: Path, marts: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversions, "LARGE", 5)
    file = tmp_path / "report.html"
    with environment({"ATTRIBUTION_HOME": str(settings.home)}):
        assert main([str(file), "--start", "2026-01-25", "--end", "2026-01-31"]) == 0
        assert main([str(file), "--model", "nonsense"]) == 2
    context = browser.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    (top,) = marts(TOPS.format(week=WEEK, model="last_click"))
    expect(page.locator("#answer")).to_contain_text(f"Last click: {top['channel']} {dollars(top['revenue'])}")
    expect(page.locator(".badge")).to_have_text("demo data")
    expect(page.locator("#channels-chart .main-svg").first).to_be_visible()
    expect(page.get_by_role("table", name="Published runs")).to_be_visible()
    expect(page.get_by_role("table", name="Campaigns", exact=True)).to_be_visible()

    sold = marts(
        f"select transaction_id, revenue from mart_attribution_last where {WEEK} order by 2 desc, conversion_id"
    )
    assert len(sold) > 5, "some are left out"
    expect(page.get_by_text(f"The 5 with the most revenue of {len(sold)}")).to_be_visible()
    rows = page.get_by_role("table", name="Largest conversions").locator("tbody tr")
    expect(rows.locator("td:nth-child(3)")).to_have_text([dollars(one["revenue"]) for one in sold[:5]])
    path, last, first = (rows.first.locator(f"td:nth-child({column})").inner_text() for column in (4, 5, 6))
    assert (first, last) == (path.split(" > ")[0], credited(path.split(" > ")))
    rows.first.get_by_role("button").click()
    expect(page.locator(".why").first).to_contain_text(f"Last click credits {last}")
    page.get_by_role("button", name="All campaigns").click()
    expect(rows.first).to_be_visible()
    assert wrong == []
    context.close()

"""The story of a conversion: what it tells of a small world, and what it says where there is nothing to tell."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from include.data_driven.upkeep import FitSettings, add_fit
from include.explain import main
from include.store import open_store
from include.story import NoConversionError, read_story
from include.warehouse import NotBuiltError
from tests.dbt.nights import DAY, MINUTE, event, send
from tests.dbt.project import Project
from tests.dbt.replayed import Replayed

PAGE = "https://www.shop.example/"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Ann's four visits around an order with a login, a payment gateway and a refund; two others with one order id."""
    project = Replayed(tmp_path_factory.mktemp("explained"))
    send(
        project,
        "b1",
        event(0, "phone", page_location=f"{PAGE}?utm_source=old&utm_medium=email"),
        event(DAY, "phone", page_location=f"{PAGE}?gclid=1", source="x", medium="organic"),
        event(14 * DAY - MINUTE, "phone", "ann", page_location=PAGE, page_referrer="https://www.paypal.com/"),
        event(14 * DAY, "phone", "ann", page_location=PAGE, page_referrer="https://www.paypal.com/"),
        event(15 * DAY - MINUTE, "phone", page_referrer="https://www.bing.com/"),
        event(15 * DAY, "phone", "ann", "purchase", transaction_id="T1", value=30),
        event(16 * DAY, "phone", "ann", "refund", transaction_id="T1", value=10),
        event(0, "tablet", None, "purchase", transaction_id="T2", value=1),
        event(0, "laptop", None, "purchase", transaction_id="T2", value="odd"),
    )
    project.build()
    with open_store(project.settings) as store:
        assert add_fit(store, FitSettings(fit_least_conversions=1), "first", datetime(2026, 2, 1)).fit_id
    project.build()
    return project


def told(shop: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(shop.home))
    monkeypatch.setenv("COLUMNS", "140")
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_the_whole_story(shop: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = told(shop, capsys, monkeypatch, "T1")
    for line in (
        "order T1, person ann",
        "revenue 30.00, net of refunds 20.00",
        "no touch: started 15 d before the conversion, 1 d before the look-back of 14 d opens",
        "source by utm: utm_ tags in the page's address, at 00:00:00 (page_view)",
        f"page {PAGE}?utm_source=old&utm_medium=email",
        "touch 1 of 3: started 14 d before the conversion",
        "google / cpc / (not set) -> Paid Search (Paid Search)",
        "source by click_id: a click id",
        "touch 2 of 3: started 1 d before the conversion",
        "source by direct: no event with a source",
        "passed over, 2 events: paypal.com / referral is our own page or a payment gateway (S4)",
        "touch 3 of 3: the conversion's own session",
        "bing / organic / (not set) -> Organic Search (Organic Search)",
        "purchase order T1 30.00  [device phone, user ann]",
        "no touch: started 1 d after the conversion",
        "refund order T1 10.00",
    ):
        assert line in text, line
    fitted = (
        r"markov weighs .*Paid Search \d\.\d{3}.*: fit 2026\S+, from 3 conversions of \d+ journeys before 2026-01-\d\d"
    )
    assert re.search(fitted, text)
    assert "shapley weighs " in text
    credits, revenues = text[text.index("1 Paid Search") :].splitlines()[:2]
    assert re.findall(r"\d\.\d{4}", credits)[:4] == ["1.0000", "0.0000", "0.0000", "0.3333"]
    assert re.findall(r"\d+\.\d{2}", revenues)[:4] == ["30.00", "0.00", "0.00", "10.00"]


def test_a_conversion_id_tells_what_its_order_tells(
    shop: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = shop.rows("select conversion_id from int_conversions where person_id = 'ann'")
    assert told(shop, capsys, monkeypatch, row["conversion_id"]) == told(shop, capsys, monkeypatch, "T1")
    short = told(shop, capsys, monkeypatch, "T1", "--events", "1")
    assert "... 1 more event (--events 2 shows them)" in short


def test_the_window_is_that_of_the_tables(tmp_path: Path) -> None:
    """What the touchpoints were built with, also when the setting has changed since."""
    project = Replayed(tmp_path, variables={"lookback_days": 3})
    send(project, "b1", event(0, "phone"), event(4 * DAY, "phone", None, "purchase", transaction_id="T", value=1))
    project.build()
    story = read_story(project.settings, "T")
    assert story.lookback == timedelta(days=3)
    assert [session.position for session in story.sessions] == [None, 1]
    assert {one.revenue for one in story.credits} == {1}


def test_what_is_not_there(shop: Project, tmp_path: Path) -> None:
    with pytest.raises(NoConversionError, match=r"No conversion or order 'T9' in .*warehouse.duckdb"):
        read_story(shop.settings, "T9")
    with pytest.raises(NoConversionError, match=r"2 people have an order 'T2'. Ask for one of .* of laptop"):
        read_story(shop.settings, "T2")
    with pytest.raises(NotBuiltError, match="not built yet"):
        read_story(Project(tmp_path).settings, "T1")


def test_exit_codes(shop: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(shop.home))
    assert main(["T9"]) == 1
    assert "T9" in capsys.readouterr().err
    monkeypatch.setenv("DBT_TARGET", "bigquery")
    assert main(["T1"]) == 2
    assert "DBT_TARGET" in capsys.readouterr().err

"""Settings that decide numbers: environment, then home, then default; a change is told with both values."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from include.home_kind import keep
from include.settings import SettingError, Settings


def read(home: Path, **environment: str) -> Settings:
    """The settings as a command reads them."""
    return Settings.from_env({"ATTRIBUTION_HOME": str(home), **environment})


def test_the_environment_wins_then_the_home_then_the_default(tmp_path: Path) -> None:
    home, mine = tmp_path / "home", tmp_path / "mine"
    assert keep(read(home, OWN_DOMAINS="Shop.example, b.example", GA4_EXPORT=str(mine))) == []
    plain = read(home)
    assert (plain.own_domains, plain.ga4_export) == (("shop.example", "b.example"), mine)
    assert keep(plain) == []
    assert read(home, OWN_DOMAINS="c.example").own_domains == ("c.example",)
    assert read(home, OWN_DOMAINS=plain.dbt_env()["OWN_DOMAINS"]).own_domains == plain.own_domains

    told = keep(read(home, OWN_DOMAINS="none", GA4_EXPORT=str(home / "landing" / "ga4")))
    assert [str(change).partition(":")[0] for change in told] == [
        "OWN_DOMAINS was shop.example,b.example, is none",
        f"GA4_EXPORT was {mine}, is landing/ga4",
    ]
    assert read(home).own_domains == ()


def test_a_process_that_is_told_of_none_does_not_fall_back_to_the_home(tmp_path: Path) -> None:
    keep(read(tmp_path, OWN_DOMAINS="shop.example"))
    told = read(tmp_path, OWN_DOMAINS="none").dbt_env()
    assert Settings.from_env(told).own_domains == ()


def test_a_home_that_moves_takes_its_landing_folder_along(tmp_path: Path) -> None:
    keep(read(tmp_path / "a"))
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert read(tmp_path / "b").ga4_export == tmp_path / "b" / "landing" / "ga4"


@pytest.mark.parametrize("text", ["{", "[]", '{"OWN_DOMAINS": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(SettingError, match=r"settings\.json is damaged"):
        read(tmp_path)

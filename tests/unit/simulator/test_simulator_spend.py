"""What the simulated ads cost: rows that meet the sessions they paid for."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from include.ad_spend import spend_problem
from include.simulator.spend import ADS, write_spend
from include.simulator.world import ADS_CAMPAIGNS, TOUCHES
from tests.unit.simulator.histories import END


def test_a_row_a_day_and_campaign_that_the_sessions_know(tmp_path: Path) -> None:
    rows = []
    for path in write_spend(tmp_path, seed=1, end=END, days=4, people=300):
        assert spend_problem(path) is None
        with path.open(newline="") as file:
            rows += list(csv.DictReader(file))
    assert len(rows) == 4 * len(ADS) == len({(r["day"], r["source"], r["medium"], r["campaign"]) for r in rows})
    assert {row["day"] for row in rows} == {f"2026-03-{day}" for day in (28, 29, 30, 31)}
    known = {(t.source, t.medium, ADS_CAMPAIGNS.get(t.ads_campaign or "", t.campaign)) for t in TOUCHES}
    assert {(row["source"], row["medium"], row["campaign"]) for row in rows} <= known
    assert all(Decimal(row["cost"]) > 0 and int(row["impressions"]) >= int(row["clicks"]) > 0 for row in rows)

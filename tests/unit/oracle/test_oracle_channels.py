"""The cases that the SQL is held to (tests/dbt/channel_cases.csv), by the oracle."""

import csv

from include.settings import PROJECT
from tests.oracle.channels import ChannelRules
from tests.oracle.seeds import read_seeds
from tests.oracle.text import clean

CASES = PROJECT / "tests" / "dbt" / "channel_cases.csv"


def test_each_rule_and_its_neighbours() -> None:
    rules = ChannelRules(read_seeds(PROJECT / "dbt" / "seeds"))
    with CASES.open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file))
    wrong = [
        case
        for case in cases
        if rules.channels(clean(case["source"]), clean(case["medium"]), clean(case["campaign"]))
        != (case["channel_group"], case["channel"])
    ]
    assert len(cases) > 100
    assert wrong == []

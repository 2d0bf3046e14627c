"""The channel macros, rendered by dbt with the shipped seeds and run on DuckDB, against tables of cases.

`channel_cases.csv` is our own: each rule of docs/channels.md with its neighbours, its near misses and capitals.
An empty cell is null.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from include.settings import PROJECT
from include.warehouse import open_warehouse
from tests.dbt.project import Project
from tests.dbt.replayed import script

Visit = tuple[str | None, str | None, str | None]
Labels = tuple[str, str]
Label = Callable[[Iterable[Visit]], list[Labels]]

CASES = Path(__file__).with_name("channel_cases.csv")
SHARED = PROJECT.parent / "shared" / "vectors"
VECTORS = SHARED / "ga4_default_channel_group_cases.csv"
# This vector contradicts rule 3, which wants a paid medium as well. Its suite compared labels as a set, so the row, one
# of two that name this label, never counted.
WRONG_VECTOR = ("alibaba", None, None)

# The columns carry the names that the models use, so that a macro's own subquery could capture one.
INLINE = """
with grouped as (
    select
        *,
        {{ get_channel('source', 'medium', 'campaign') }} as direct_channel
    from visits
),
{{ channel_ctes('select source, medium, campaign from visits') }}
select c.channel_group, c.channel, g.direct_channel, c.channel_rule
from grouped as g
inner join channels as c on c.source is not distinct from g.source and c.medium is not distinct from g.medium
    and c.campaign is not distinct from g.campaign
order by g.place
"""


def read_visits(path: Path) -> list[dict[str, str | None]]:
    """The rows of a table of cases; an empty cell is None."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


def visit(row: dict[str, str | None]) -> Visit:
    return row["source"], row["medium"], row["campaign"]


@pytest.fixture(scope="module")
def label(tmp_path_factory: pytest.TempPathFactory) -> Label:
    """A function that gives the channel group and channel of each visit, by the rendered macros."""
    return labelled_by(tmp_path_factory.mktemp("channels"))


def labelled_by(home: Path, *rules: tuple[int, str | None, str | None, str | None, str]) -> Label:
    """The macros as they render where these are the rows of channel_rules."""
    project = Project(home)
    settings = project.settings
    shutil.copy(script({}).seeds, settings.warehouse)
    with open_warehouse(settings) as warehouse:
        for rule in rules:
            warehouse.execute("insert into channel_rules values (?, ?, ?, ?, ?)", rule)
    rendered: Any = project.dbt("compile", "--inline", INLINE)
    assert rendered.success, str(rendered.exception)
    compiled: str = rendered.result.results[0].node.compiled_code

    def run(visits: Iterable[Visit]) -> list[Labels]:
        rows = [(place, *triple) for place, triple in enumerate(visits)]
        with open_warehouse(settings) as warehouse:
            warehouse.execute(
                "create or replace table visits (place integer, source varchar, medium varchar, campaign varchar)"
            )
            warehouse.executemany("insert into visits values (?, ?, ?, ?)", rows)
            labels = warehouse.execute(compiled).fetchall()
        assert len(labels) == len(rows)
        assert [channel for _, channel, _, _ in labels] == [direct for _, _, direct, _ in labels]
        return [(group, channel) for group, channel, _, _ in labels]

    return run


def test_each_rule_and_its_neighbours(label: Label) -> None:
    cases = read_visits(CASES)
    labels = label(map(visit, cases))
    wrong = [
        (case["rule"], *visit(case), f"expected {case['channel_group']} / {case['channel']}, got {group} / {channel}")
        for case, (group, channel) in zip(cases, labels, strict=True)
        if (group, channel) != (case["channel_group"], case["channel"])
    ]
    assert not wrong


def test_every_group_has_a_case() -> None:
    rolled_up = {row["channel_group"] for row in read_visits(PROJECT / "dbt" / "seeds" / "channel_rollup.csv")}
    assert {case["channel_group"] for case in read_visits(CASES)} == rolled_up
    assert len(rolled_up) == 20


@pytest.mark.parametrize("nothing", [None, "", "  ", "(not set)"])
def test_what_is_missing_counts_as_not_set(label: Label, nothing: str | None) -> None:
    assert label([("(direct)", nothing, nothing), ("google", nothing, nothing), (nothing, nothing, nothing)]) == [
        ("Direct", "Direct"),
        ("Organic Search", "Organic Search"),
        ("Unassigned", "Other"),
    ]


def test_published_cases(label: Label) -> None:
    if not VECTORS.exists():
        pytest.skip(f"{VECTORS.name} is not beside the project: the shared test vectors are absent")
    cases = read_visits(VECTORS)
    assert len(cases) == 30
    groups = [group for group, _ in label(map(visit, cases))]
    differing = {
        visit(case): group for case, group in zip(cases, groups, strict=True) if group != case["expected_channel"]
    }
    assert differing == {WRONG_VECTOR: "Organic Shopping"}


def test_own_rules_come_first_and_the_lowest_priority_wins(tmp_path: Path) -> None:
    label = labelled_by(
        tmp_path,
        (30, None, "referral", ".*_newsletter", "Email"),
        (20, "(.*[.])?partner[.]example", "Referral", None, "Social"),
        (10, None, None, "brand.*", "Direct"),
        (40, r"it's\.odd", "[(]not set[)]", None, "Other"),
    )
    visits: dict[Visit, Labels] = {
        ("www.partner.example", "referral", "brand_newsletter"): ("Referral", "Direct"),
        ("PARTNER.example", "REFERRAL", "x_newsletter"): ("Referral", "Social"),
        ("other.example", "referral", "X_Newsletter"): ("Referral", "Email"),
        ("notpartner.example", "referral", None): ("Referral", "Referral"),
        ("partner.example.org", "referral", None): ("Referral", "Referral"),
        ("google", "cpc", "not brand"): ("Paid Search", "Paid Search"),
        ("google", "cpc", "Brand Search"): ("Paid Search", "Direct"),
        ("it's.odd", None, None): ("Unassigned", "Other"),
        ("it's-odd", "referral", None): ("Referral", "Referral"),
    }
    assert dict(zip(visits, label(visits), strict=True)) == visits


def test_rules_of_one_priority_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"two rules have one priority \(1, 1\)"):
        labelled_by(tmp_path, (1, "a", None, None, "Email"), (1, "b", None, None, "Social"))


def test_an_app_gets_the_channel_of_its_site(label: Label) -> None:
    apps = read_visits(PROJECT / "dbt" / "seeds" / "app_referrers.csv")
    labels = label([(app["source"], app["medium"], None) for app in apps])
    channels = {app["app"]: channel for app, (_, channel) in zip(apps, labels, strict=True)}
    by_medium = {"organic": "Organic Search", "email": "Email"}
    expected = {app["app"]: by_medium.get(str(app["medium"]), channels[app["app"]]) for app in apps}
    expected |= {"com.linkedin.android": "Social", "com.reddit.frontpage": "Social", "com.slack": "Referral"}
    assert channels == expected
    assert set(channels.values()) == {"Organic Search", "Email", "Social", "Referral"}

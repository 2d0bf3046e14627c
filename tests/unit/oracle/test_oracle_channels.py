"""GA4's default channel group, its order, and the roll-up."""

import csv
from pathlib import Path

import pytest

from tests.oracle.channels import ChannelRules
from tests.oracle.seeds import read_seeds
from tests.unit.oracle.world import World

CASES = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "ga4_default_channel_group_cases.csv"

# One case contradicts the rule that its own file quotes: a shopping source without a paid medium is not Paid Shopping.
# One says Affiliate where Google says Affiliates.
READ_OTHERWISE: dict[tuple[str | None, str | None, str | None], str] = {
    ("alibaba", None, None): "Organic Shopping",
    ("some-source", "affiliate", None): "Affiliates",
}


@pytest.fixture
def rules(world: World) -> ChannelRules:
    return ChannelRules(read_seeds(world.seeds))


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "group"),
    [
        ("(DIRECT)", "(None)", None, "Direct"),
        ("(direct)", None, None, "Direct"),
        ("(direct)", "email", None, "Email"),
        ("google", "cpc", "EU-Cross-Network", "Cross-network"),
        ("alibaba", "xcpx", None, "Paid Shopping"),
        ("google", "paid", "eshop", "Paid Shopping"),
        ("google", "paid", "workshop", "Paid Search"),
        ("google", "cpm", None, "Paid Search"),
        ("facebook", "Retargeting", None, "Paid Social"),
        ("youtube.com", "ppc", None, "Paid Video"),
        ("x", "cpm", None, "Display"),
        ("x", "ppcx", None, "Unassigned"),
        ("x", "paidx", None, "Paid Other"),
        ("chatgpt.com", "referral", None, "AI Assistant"),
        ("chatgpt.com", "(not set)", None, "AI Assistant"),
        ("chatgpt.com", "cpc", None, "Paid Other"),
        ("chatgpt.com", "email", None, "Email"),
        ("x", "ai-assistant", "shop", "AI Assistant"),
        ("x", "y", "my-shop", "Organic Shopping"),
        ("alibaba", "referral", None, "Organic Shopping"),
        ("facebook", "referral", None, "Organic Social"),
        ("x", "sm", None, "Organic Social"),
        ("x", "myvideo", None, "Organic Video"),
        ("google", "referral", None, "Organic Search"),
        ("x", "organic", None, "Organic Search"),
        ("x", "link", None, "Referral"),
        ("newsletter e-mail", "x", None, "Email"),
        ("x", "affiliate", None, "Affiliates"),
        ("x", "audio", None, "Audio"),
        ("sms", "x", None, "SMS"),
        ("x", "web-push", None, "Mobile Push Notifications"),
        ("x", "pushy", None, "Unassigned"),
        ("firebase", "x", None, "Mobile Push Notifications"),
        ("<Other>", "<Other>", "<Other>", "Unassigned"),
        (None, None, None, "Unassigned"),
    ],
)
def test_the_first_rule_that_holds_decides(
    rules: ChannelRules, source: str | None, medium: str | None, campaign: str | None, group: str
) -> None:
    assert rules.channels(source, medium, campaign)[0] == group


def test_the_roll_up_prefers_a_row_with_the_medium(rules: ChannelRules) -> None:
    assert rules.channels("x", "CPC", None) == ("Paid Other", "Paid Search")
    assert rules.channels("x", "paid", None) == ("Paid Other", "Other")
    assert rules.channels("x", "audio", None) == ("Audio", "Other")


def test_the_public_cases(rules: ChannelRules) -> None:
    if not CASES.exists():
        pytest.skip(f"no public cases at ../shared/vectors/{CASES.name}")
    with CASES.open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file))
    assert len(cases) == 30
    assert {tuple(case[name] or None for name in ("source", "medium", "campaign")) for case in cases} > set(
        READ_OTHERWISE
    )
    for case in cases:
        triple = case["source"] or None, case["medium"] or None, case["campaign"] or None
        assert rules.channels(*triple)[0] == READ_OTHERWISE.get(triple, case["expected_channel"]), case

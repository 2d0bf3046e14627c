"""S1 to S5: where one event says that its visit came from, and which event speaks for a session.

The export's places and GA4's own answer are worked by hand in the dbt unit tests of stg_ga_events, with which the
oracle agrees in tests/dbt/test_against_oracle.py (test_every_edge).
"""

from typing import Any

import pytest

from tests.unit.oracle.world import World, exported, streamed

PAGE = "https://www.shop.example/p"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # 1: click ids by kind, wherever they stand; a blank one is none
        ({"wbraid": "x", "msclkid": "y", "source": "news"}, ("google", "cpc", "(not set)", "click_id")),
        ({"msclkid": "x", "srsltid": "y"}, ("bing", "cpc", "(not set)", "click_id")),
        ({"srsltid": "x"}, ("google", "organic", "Shopping Free Listings", "click_id")),
        ({"page_location": f"{PAGE}?gad_source=1", "srsltid": "x"}, ("google", "cpc", "(not set)", "click_id")),
        ({"page_location": f"{PAGE}?xgclid=x&y=gclid#?gclid=x", "gclid": " "}, (None, None, None, None)),
        # 2: beside a paid tag the tag stays
        ({"gclid": "x", "source": "a", "medium": "PPC", "campaign": "c"}, ("a", "PPC", "c", "click_id_utm")),
        ({"gclid": "x", "medium": "cpc2"}, ("google", "cpc", "(not set)", "click_id")),
        # 3 to 5: the first place that names both, else the first that names one
        ({"source": "a", "page_location": f"{PAGE}?utm_source=b"}, ("a", "(not set)", "(not set)", "event_params")),
        ({"source": "a", "page_location": f"{PAGE}?utm_source=b&utm_medium=c"}, ("b", "c", "(not set)", "utm")),
        (
            {"page_location": f"{PAGE}?utm_source=a+b&utm_campaign=%C3%BC&utm_medium=%E4&utm_source=z"},
            ("a b", "%E4", "ü", "utm"),
        ),
        ({"source": "com.Google.android.gm", "medium": "Referral"}, ("gmail", "email", "(not set)", "event_params")),
        ({"fbclid": "x", "campaign": "alone"}, (None, None, None, None)),
        # 6: the referrer
        ({"page_referrer": "https://u:p@WWW.Google.com.:443/q?x=1"}, ("google", "organic", "(not set)", "referrer")),
        ({"page_referrer": "https://m.bing.com/"}, ("bing", "organic", "(not set)", "referrer")),
        ({"page_referrer": "https://mail.google.com/"}, ("mail.google.com", "referral", "(not set)", "referrer")),
        ({"page_referrer": "android-app://com.google.android.gm"}, ("gmail", "email", "(not set)", "referrer")),
        ({"page_referrer": "no host"}, (None, None, None, None)),
        # S4: after a self-referral no later rule is tried; a search engine as referrer is never one
        (
            {"source": "pay.shop.example", "medium": "Referral", "page_referrer": "https://google.com"},
            (None, None, None, None),
        ),
        ({"source": "shop.example", "medium": "email"}, ("shop.example", "email", "(not set)", "event_params")),
        (
            {"source": "workshop.example", "medium": "referral"},
            ("workshop.example", "referral", "(not set)", "event_params"),
        ),
        ({"source": "https://checkout.paypal.com/x", "medium": "referral"}, (None, None, None, None)),
        ({"source": "my.brand", "medium": "referral", "page_location": None}, (None, None, None, None)),
        ({"source": "brand", "medium": "referral"}, ("brand", "referral", "(not set)", "event_params")),
        (
            {"page_location": "https://google.com/shop", "page_referrer": "https://google.com/"},
            ("google", "organic", "(not set)", "referrer"),
        ),
    ],
)
def test_evidence_of_one_event(world: World, fields: dict[str, Any], expected: tuple[object, ...]) -> None:
    world.stream(streamed("1", **{"page_location": PAGE, **fields}))
    (event,) = world.tables(referral_exclusions=("www.PayPal.com",), own_domains=("my.brand",)).events
    assert (event.source, event.medium, event.campaign, event.source_rule) == expected


def test_a_session_takes_its_first_evidence_that_is_neither_direct_nor_self_referral(world: World) -> None:
    world.stream(
        streamed("1"),
        streamed("2", 1, source="(Direct)", medium="(None)"),
        streamed("3", 2, source="(direct)"),
        streamed("4", 3, page_location=PAGE, page_referrer=PAGE),
        streamed("5", 4, source="<Other>", medium="<Other>"),
        streamed("6", 5, gclid="x"),
    )
    (session,) = world.tables().sessions
    assert (session.source, session.medium, session.campaign) == ("<Other>", "<Other>", "(not set)")
    assert (session.source_rule, session.is_direct, session.channel_group) == ("event_params", False, "Unassigned")


def test_of_a_repeated_parameter_the_first_counts(world: World) -> None:
    world.table([exported(params={"source": ["a", "b"]})])
    assert [event.source for event in world.tables().events] == ["a"]

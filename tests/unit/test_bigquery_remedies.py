"""BigQuery's own words, as a failed dbt model carries them, say what to do."""

from __future__ import annotations

import pytest

from include.bigquery_remedies import advice


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Access Denied: Dataset p:analytics_1: User does not have permission", "roles of docs/bigquery.md"),
        ("Query exceeded limit for bytes billed: 10. 20 or higher required.", "Raise BQ_MAX_BYTES_BILLED"),
        ("Not found: Table p:attribution.mart_sessions was not found in location US", "is built anew"),
        ("Not found: Dataset p:attribution was not found in location EU", "BQ_LOCATION"),
        ("Quota exceeded: Your table exceeded quota for total number of dml jobs", "have it raised"),
        ("Exceeded rate limits: too many table update operations for this table", "run less often"),
        ("Transaction is aborted due to concurrent update against table p:a.t.", "two jobs changed one table"),
        ("An internal error occurred and the request could not be completed.", "status.cloud.google.com"),
    ],
)
def test_each_kind_has_its_remedy(words: str, remedy: str) -> None:
    said = advice(f"Database Error in model mart_sessions (models/marts/mart_sessions.sql)\n  {words}")
    assert remedy in said
    assert said.endswith("the next run takes the same events in.")


@pytest.mark.parametrize("words", ["", "Syntax error: Unexpected keyword", "INTERNAL Error: Failed to load metadata"])
def test_nothing_is_advised_where_nothing_is_known(words: str) -> None:
    assert advice(words) == ""

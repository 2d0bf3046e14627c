"""Whose an order is (C1, C3): an id that two people report, under both settings of order_scope, batch by batch."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.contracts.graph.nodes import SingularTestNode

from include import retention_needed
from include.retention import apply_retention
from tests.dbt.nights import DAY, MINUTE, event, full_refresh, send
from tests.dbt.project import Project, unequal_tables


def order(at: int, device: str, value: float = 10, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A purchase or refund of order t1."""
    return event(at, device, **{"name": "purchase", "transaction_id": "t1", "value": value, **more})


@pytest.fixture(params=["person", "shop"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A home under one of the settings; the GA4 folder is there, and empty."""
    (tmp_path / "home" / "landing" / "ga4").mkdir(parents=True)
    return Project(tmp_path / "home", variables={"order_scope": request.param, "lookback_days": 3})


def test_an_order_goes_to_whom_its_earliest_event_is(project: Project, tmp_path: Path) -> None:
    """Bought on the phone, reported again when the mail is opened on a laptop, refunded by the server."""
    steps: list[tuple[str, list[dict[str, Any]], dict[str, dict[str, tuple[float, float]]]]] = [
        (
            "laptop",
            [order(DAY, "laptop", 10), order(DAY, "tv", 99, transaction_id="t2")],
            {"person": {"laptop": (10, 10), "tv": (99, 99)}, "shop": {"laptop": (10, 10), "tv": (99, 99)}},
        ),
        (
            "phone",
            [order(DAY - 1, "phone", 12)],
            {
                "person": {"phone": (12, 12), "laptop": (10, 10), "tv": (99, 99)},
                "shop": {"phone": (12, 12), "tv": (99, 99)},
            },
        ),
        (
            "server",
            [order(2 * DAY, "server", 5, name="refund")],
            {
                "person": {"phone": (12, 12), "laptop": (10, 10), "tv": (99, 99)},
                "shop": {"phone": (12, 7), "tv": (99, 99)},
            },
        ),
        (  # a login tells the phone's order to be the tv's user's
            "login",
            [event(DAY + MINUTE, "phone", "ann"), event(DAY + MINUTE, "tv", "ann")],
            {"person": {"ann": (111, 111), "laptop": (10, 10)}, "shop": {"ann": (111, 106)}},
        ),
        (  # the phone's batch is withdrawn, and the server's
            "phone",
            [],
            {"person": {"ann": (99, 99), "laptop": (10, 10)}, "shop": {"ann": (99, 99), "laptop": (10, 5)}},
        ),
        ("server", [], {scope: {"ann": (99, 99), "laptop": (10, 10)} for scope in ("person", "shop")}),
    ]
    for name, events, expected in steps:
        send(project, name, *events)
        project.build()
        rows = project.rows(
            "select person_id, sum(revenue) as g, sum(net_revenue) as n from mart_attribution_last group by all"
        )
        assert {row["person_id"]: (row["g"], row["n"]) for row in rows} == expected[project.variables["order_scope"]]
        assert project.differences_from(project.oracle()) == {}
    full = full_refresh(project, tmp_path / "full")
    assert unequal_tables(project.settings.warehouse, full.settings.warehouse) == {}


def test_retention_keeps_the_event_that_an_order_is_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """L4: a young copy of an old order is no new order, by shop also where somebody else reports it."""
    scope = project.variables["order_scope"]
    monkeypatch.setattr(retention_needed, "read_variables", lambda _: {"order_scope": scope})
    send(project, "b1", order(DAY, "phone"), order(20 * DAY, "laptop"), order(DAY, "tv", transaction_id="t2"))
    project.build()
    apply_retention(project.settings, day=date(2026, 2, 9), retention_days=20, lookback_days=3)
    project.build()
    assert len(project.rows("select * from int_events")) == {"person": 1, "shop": 2}[scope]
    people = [row["person_id"] for row in project.rows("select person_id from int_conversions")]
    assert people == {"person": ["laptop"], "shop": []}[scope]
    assert project.differences_from(project.oracle()) == {}


def test_the_gate_tells_what_a_setting_would_mend(project: Project) -> None:
    """How many orders are several people's, how many refunds no order's, and who is on more devices than allowed."""
    project.variables["max_devices_per_user"] = 2
    of_other = {"transaction_id": "t2"}
    send(project, "b1", order(0, "a"), order(1, "b"), order(2, "c", 7, **of_other), order(3, "c", 7, **of_other))
    send(project, "b2", *(order(4, who, 2, name="refund") for who in ("a", "server")))
    users = (("ann", "d1"), ("ann", "d2"), ("guest", "d3"), ("guest", "d4"), ("guest", "d5"), ("guest", "d5"))
    send(project, "b3", *(event(at, device, user) for at, (user, device) in enumerate(users)))
    send(project, "b4", order(5, "a", 3, name="refund", transaction_id="t9"))
    send(project, "b5", order(6, "a", 4, name="refund", transaction_id="none"))
    project.build()
    names = ("assert_orders_of_one_person", "assert_refunds_matched", "assert_no_user_on_many_devices")
    results = project.dbt("test", "--select", *names, "assert_every_order_converted").result
    assert isinstance(results, RunExecutionResult)
    found = {
        one.node.name: [tuple(row.values())[:3] for row in project.rows(str(one.node.compiled_code))]
        for one in results.results
        if isinstance(one.node, SingularTestNode) and one.status != "pass"
    }
    shop = project.variables["order_scope"] == "shop"
    assert found == {
        **({} if shop else {"assert_orders_of_one_person": [(1, 2, 20)]}),
        "assert_refunds_matched": [("no order id", 1, 4), ("no such order", 1, 3) if shop else ("no such order", 2, 5)],
        "assert_no_user_on_many_devices": [("guest", 3, "ignored_user_ids")],
    }
    with duckdb.connect(str(project.settings.warehouse)) as warehouse:
        warehouse.execute("delete from int_conversions where transaction_id = 't1'")
    lost = project.dbt("test", "--select", "assert_every_order_converted").result
    assert isinstance(lost, RunExecutionResult)
    assert sum(one.failures or 0 for one in lost.results) == (1 if shop else 2)

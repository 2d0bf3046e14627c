"""Whose an order is (C1, C3): what retention keeps of it under both settings of order_scope, and what the gate says."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include import retention
from include.retention import apply_retention
from include.warehouse import open_warehouse
from tests.dbt.nights import DAY, event, send
from tests.dbt.replayed import Replayed
from tests.dbt.strategies import SETTINGS


def order(at: int, device: str, value: float = 10, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A purchase or refund of order t1."""
    return event(at, device, **{"name": "purchase", "transaction_id": "t1", "value": value, **more})


@pytest.mark.parametrize(
    ("settings", "kept", "people"), [("as shipped", 1, ["laptop"]), ("most", 2, [])], ids=["person", "shop"]
)
def test_retention_keeps_the_event_that_an_order_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, kept: int, people: list[str]
) -> None:
    """L4: a young copy of an old order is no new order, by shop also where somebody else reports it."""
    project = Replayed(tmp_path, variables=dict(SETTINGS[settings]))
    scope = project.variables.get("order_scope", "person")
    monkeypatch.setattr(retention, "read_variables", lambda _: {"order_scope": scope})
    send(project, "b1", order(DAY, "phone"), order(20 * DAY, "laptop"), order(DAY, "tv", transaction_id="t2"))
    project.build()
    apply_retention(project.settings, day=date(2026, 2, 9), retention_days=20, lookback_days=3)
    project.build()
    assert len(project.rows("select * from int_events")) == kept
    assert [row["person_id"] for row in project.rows("select person_id from int_conversions")] == people
    assert project.differences_from(project.oracle()) == {}


def test_the_gate_tells_what_a_setting_would_mend(tmp_path: Path) -> None:
    """How many orders are several people's, how many refunds no order's, and who is on more devices than allowed."""
    project = Replayed(tmp_path)
    of_other = {"transaction_id": "t2"}
    send(project, "b1", order(0, "a"), order(1, "b"), order(2, "c", 7, **of_other), order(3, "c", 7, **of_other))
    send(project, "b2", *(order(4, who, 2, name="refund") for who in ("a", "server")))
    users = [*(("ann", f"a{i}") for i in range(50)), *(("guest", f"g{i}") for i in range(51)), ("guest", "g0")]
    send(project, "b3", *(event(at, device, user) for at, (user, device) in enumerate(users)))
    send(project, "b4", order(5, "a", 3, name="refund", transaction_id="t9"))
    send(project, "b5", order(6, "a", 4, name="refund", transaction_id="none"))
    project.build()

    def found(name: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values())[:3] for row in project.finds(name)]

    assert found("assert_orders_of_one_person") == [(1, 2, 20)]
    assert found("assert_refunds_matched") == [("no order id", 1, 4), ("no such order", 2, 5)]
    assert found("assert_no_user_on_many_devices") == [("guest", 51, "ignored_user_ids")]
    assert found("assert_every_order_converted") == []
    with open_warehouse(project.settings) as warehouse:
        warehouse.execute("delete from int_conversions where transaction_id = 't1'")
    assert len(found("assert_every_order_converted")) == 2

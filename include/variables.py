"""The dbt variables that Python needs too, as dbt_project.yml has them."""

from __future__ import annotations

from typing import Any

import yaml

from include.settings import Settings


def read_variables(settings: Settings) -> dict[str, Any]:
    """The vars of dbt_project.yml by name."""
    project = yaml.safe_load((settings.dbt_project / "dbt_project.yml").read_text())
    return dict(project.get("vars") or {})

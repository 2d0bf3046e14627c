"""The second computation of docs/semantics.md: plain Python that shares no code or SQL with the dbt project.

`compute` turns a landing folder into every table; `tests.oracle.compare.differences` holds one table against another.
"""

from tests.oracle.model import Rules, Tables
from tests.oracle.pipeline import compute

__all__ = ["Rules", "Tables", "compute"]

"""How many examples Hypothesis tries, and where it takes its chances from.

`proof` tries many, others each time (`make prove`). Where no profile is named the examples are few and always the same.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

common = settings(deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("few", common, derandomize=True, max_examples=10)
settings.register_profile("proof", common, max_examples=500)
settings.load_profile("few")

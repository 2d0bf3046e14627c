"""Deletion requests (docs/semantics.md L3): taken up before the tables are built again, confirmed after."""

from include.deletion.confirm import Confirmed, DeletionError, confirm_removed
from include.deletion.process import Taken, take_requests

__all__ = ["Confirmed", "DeletionError", "Taken", "confirm_removed", "take_requests"]

"""A bad day in the middle of a run: the message says what to do, and the next run has lost and doubled nothing."""

from __future__ import annotations

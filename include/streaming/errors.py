"""What can go wrong before a batch is sent; what BigQuery refuses is a WarehouseError."""

from __future__ import annotations


class BatchFileError(ValueError):
    """The file cannot be sent; the message says what is wrong where, and what to do."""

"""What can go wrong while streaming."""

from __future__ import annotations


class BatchFileError(ValueError):
    """The file cannot be sent; the message says what is wrong where, and what to do."""


class StreamingError(RuntimeError):
    """The batch could not be sent; the same may work later. The message says what and what to do."""


class RefusedError(StreamingError):
    """The batch cannot be sent before something is changed; the message says what."""

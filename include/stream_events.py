"""Stream simulated events or a file of your own.

They go into the landing zone of this machine, with DBT_TARGET=bigquery into BigQuery (docs/bigquery_streaming.md). A
home holds demo data or your own; both only for a trial, with --demo (include/home_kind.py).

python include/stream_events.py --events 20
python include/stream_events.py --file events.ndjson
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run as a script, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from include.home_kind import DEMO_EVENTS, Asked, decided, mark
from include.settings import SettingError, Settings
from include.simulator.stream import stream_batch
from include.streaming.batch import BatchFileError, open_streamer, send_file
from include.warehouse import WarehouseBusyError, WarehouseError


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, metavar="N", help="simulated events to stream (default 20)")
    options.add_argument("--seed", type=int, metavar="N", help="the same seed and landing zone give the same events")
    options.add_argument("--bad", type=int, metavar="N", help="add N lines that must be quarantined")
    options.add_argument("--file", type=Path, metavar="FILE", help="stream this NDJSON file, one event a line")
    options.add_argument("--batch-id", metavar="ID", help="the file's batch (default: made of its name and content)")
    options.add_argument("--demo", action="store_true", help="demo data and data of your own may mix, for a trial")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0, 1 where it may not write, 2 for what cannot work."""
    options = parser()
    given = options.parse_args(arguments)
    for name, number in (("events", given.events), ("bad", given.bad), ("seed", given.seed)):
        if given.file and number is not None:
            options.error(f"--{name} does not go with --file")
        if name != "seed" and (number or 0) < 0:
            options.error(f"--{name} must be at least 0")
    if given.batch_id and not given.file:
        options.error("--batch-id needs --file")
    try:
        settings = Settings.from_env()
        _stream(settings, given)
    except (SettingError, BatchFileError, WarehouseError) as error:
        sys.stderr.write(f"{error}\n")
        return 1 if isinstance(error, WarehouseBusyError) else 2
    except PermissionError as error:
        sys.stderr.write(
            f"No right to read or write {error.filename}; give it, or set ATTRIBUTION_HOME to another folder\n"
        )
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot read or write {error.filename}: {error.strerror}\n")
        return 1
    return 0


def _stream(settings: Settings, given: argparse.Namespace) -> None:
    events = (0 if given.file else DEMO_EVENTS) if given.events is None else given.events
    own = "--file" if given.file else ""
    decision = decided(settings, Asked(own=own, events=events + (given.bad or 0), demo=given.demo))
    streamer = open_streamer(settings)
    if given.file:
        summary = send_file(settings, streamer, given.file, given.batch_id, lambda batch: _announce(batch.events))
        mark(settings, decision.kind)  # not before: a file that is refused makes no home
    else:
        mark(settings, decision.kind if events else None)
        _announce(events)
        summary = stream_batch(settings, streamer, events=events, seed=given.seed, bad=given.bad or 0)
    sys.stdout.write(f"  - Purchases: {summary.purchases}\n")
    sys.stdout.write(f"  - Revenue: ${summary.revenue:,.2f}\n")


def _announce(events: int) -> None:
    sys.stdout.write(f"Streaming {events} events...\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

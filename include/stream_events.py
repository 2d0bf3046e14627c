"""Stream simulated events into the landing zone, or write the GA4 history that they go on from.

python include/stream_events.py --events 20
python include/stream_events.py --history --days 30 --people 3000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":  # run as a script, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from include.settings import SettingError, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch

HISTORY_SEED = 42
_HISTORY_ONLY = ("days", "people", "schema", "end")


def _at_least(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is too small; the least is {least}")
    return number


def _count(text: str) -> int:
    return _at_least(0, text)


def _positive(text: str) -> int:
    return _at_least(1, text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-01-31T12:00:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=_count, default=20, metavar="N", help="events to stream (default 20)")
    options.add_argument("--seed", type=int, metavar="N", help="the same seed and landing zone give the same events")
    options.add_argument("--bad", type=_count, default=0, metavar="N", help="add N lines that must be quarantined")
    options.add_argument("--history", action="store_true", help="write GA4 export history instead of streaming")
    history = options.add_argument_group("with --history")
    history.add_argument("--days", type=_positive, metavar="N", help="days up to the end (default 30)")
    history.add_argument("--people", type=_positive, metavar="N", help="visiting households (default 3000)")
    history.add_argument("--schema", choices=("2021", "2026"), help="the export's schema (default 2026)")
    history.add_argument("--end", type=_moment, metavar="TIME", help="when it ends, UTC if not said (default now)")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0, 1 where it may not write, 2 for what cannot work."""
    options = parser()
    given = options.parse_args(arguments)
    extra = [name for name in _HISTORY_ONLY if getattr(given, name) is not None]
    if extra and not given.history:
        options.error(f"--{extra[0]} needs --history")
    if given.history and given.bad:
        options.error("--bad streams bad lines; it does not go with --history")
    try:
        settings = Settings.from_env()
        if settings.dbt_target == "bigquery":
            sys.stderr.write("Streaming to BigQuery is not available yet; set DBT_TARGET=local\n")
            return 2
        if given.history:
            _write_history(settings, given)
        else:
            _write_batch(settings, given)
    except (SettingError, FileExistsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except PermissionError as error:
        sys.stderr.write(
            f"No right to read or write {error.filename}; give it, or set ATTRIBUTION_HOME to another folder\n"
        )
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot write {error.filename}: {error.strerror}\n")
        return 1
    return 0


def _write_batch(settings: Settings, given: argparse.Namespace) -> None:
    sys.stdout.write(f"Streaming {given.events} events...\n")
    sys.stdout.flush()
    batch = write_batch(settings, events=given.events, seed=given.seed, bad=given.bad)
    sys.stdout.write(f"  - Purchases: {batch.purchases}\n")
    sys.stdout.write(f"  - Revenue: ${batch.revenue:,.2f}\n")


def _write_history(settings: Settings, given: argparse.Namespace) -> None:
    history = write_history(
        settings.ga4_export,
        seed=HISTORY_SEED if given.seed is None else given.seed,
        end=given.end or datetime.now(UTC),
        days=given.days or 30,
        people=given.people or 3000,
        schema=given.schema or "2026",
        truth=settings.truth,
    )
    sys.stdout.write(f"Wrote {history.events:,} events in {len(history.files)} tables to {settings.ga4_export}\n")
    sys.stdout.write(f"  - Purchases: {history.purchases}\n")
    sys.stdout.write(f"  - Revenue: ${history.revenue:,.2f}\n")


if __name__ == "__main__":
    sys.exit(main())

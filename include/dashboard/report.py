"""`make report`: the dashboard as one HTML file that needs no server and no network, for a mail or a build artefact.

    python -m include.dashboard.report [FILE] [--start 2026-01-01] [--end 2026-01-31] [--model linear] ...

FILE is by default `report.html` in ATTRIBUTION_HOME. Exit code 0, 1 where the marts cannot be read, 2 for a wrong
option.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from include.dashboard import answers, conversions, health, pages
from include.dashboard.filters import FilterError, Filters, Wanted
from include.dashboard.marts import Marts, MartsError, open_marts
from include.home_kind import badge
from include.settings import SettingError, Settings

OPTIONS = {
    "start": "first date, YYYY-MM-DD (default: 28 days up to the last conversion)",
    "end": "last date, YYYY-MM-DD",
    "model": "the model (default: last_click)",
    "other": "the model beside it (default: first_click)",
    "channel": "one channel alone",
    "device": "touches on one device alone",
    "customer": "new or returning customers alone",
}


def content(marts: Marts, filters: Filters, settings: Settings) -> dict[str, Any]:
    """What the pages would ask the server for, by question."""
    return {
        "summary": health.summary(marts, filters, settings.stale_minutes),
        **{name: question(marts, filters) for name, question in answers.QUESTIONS.items()},
        "largest": conversions.largest(marts, filters),
        "operations": health.operations(marts),
    }


def as_html(found: Mapping[str, Any], badge: str = "") -> str:
    """One page with both pages' figures, its styles and scripts in it; badge: what it says of the data."""
    embedded = json.dumps(answers.plain(found)).replace("<", "\\u003c")  # no text of the data ends the script
    return pages.page("report.html", text=pages.text, embedded=embedded, badge=badge)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report; the exit code."""
    options = argparse.ArgumentParser(prog="python -m include.dashboard.report", description=__doc__.split("\n")[0])
    options.add_argument(
        "file", nargs="?", type=Path, help="where to write it (default: report.html in ATTRIBUTION_HOME)"
    )
    for name, what in OPTIONS.items():
        options.add_argument(f"--{name}", help=what)
    given = options.parse_args(arguments)
    console = Console(stderr=True)
    try:
        settings = Settings.from_env()
        wanted = Wanted.model_validate({name: value for name in OPTIONS if (value := getattr(given, name))})
        marts = open_marts(settings)
        filters = wanted.filters(marts)
        target = (given.file or settings.home / "report.html").absolute()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_html(content(marts, filters, settings), badge(settings)), "utf-8")
    except ValidationError as error:
        wrong = error.errors()[0]
        console.print(f"--{wrong['loc'][0]} is {wrong['input']!r}: {wrong['msg']}", highlight=False, markup=False)
        return 2
    except (FilterError, SettingError) as error:
        console.print(str(error), highlight=False, markup=False)
        return 2
    except (MartsError, OSError) as error:
        console.print(f"No report: {error}", highlight=False, markup=False)
        return 1
    console.print(
        f"Report of {filters.start} to {filters.end}: {target}", soft_wrap=True, highlight=False, markup=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

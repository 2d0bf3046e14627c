"""Ad spend as the ad tools export it: CSV files in `landing/ad_spend` of the home (docs/ad_spend.md).

A file is taken or set aside as a whole by its header; whether a row counts is decided by dbt's stg_ad_spend, so that
both engines judge alike.
"""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("day", "source", "medium", "campaign", "currency", "cost", "clicks", "impressions")
REQUIRED = ("day", "source", "medium", "cost")


def read_csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, in lower case, and the rows with the number of the line that each ends on; empty rows are none.

    Raises OSError, UnicodeDecodeError where the file is not UTF-8, csv.Error where it is no CSV.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = [name.strip().lower() for name in next(lines, [])]
        return header, [(lines.line_num, fields) for fields in lines if any(field.strip() for field in fields)]


def spend_problem(path: Path) -> str | None:
    """Why the file cannot be taken, as `reason: what and what to do`, or None (docs/semantics.md, A1)."""
    try:
        header, _ = read_csv(path)
    except OSError as error:
        return f"unreadable: {error.strerror}; check the rights of the file"
    except UnicodeDecodeError as error:
        return f"unreadable: not UTF-8 at byte {error.start}; export the file again as UTF-8"
    except csv.Error as error:
        return f"unreadable: no CSV ({error}); export the file again"
    known = f"name the columns {', '.join(COLUMNS)}, with commas between"
    for what, names in (
        ("unknown", [name for name in header if name not in COLUMNS]),
        ("missing", [name for name in REQUIRED if name not in header]),
        ("there twice", [name for name in COLUMNS if header.count(name) > 1]),
    ):
        if names:
            return f"wrong_columns: {what}: {', '.join(names)}; {known}"
    return None


def spend_rows(path: Path) -> list[dict[str, str | int | bool | None]]:
    """The rows of a file without a problem: line_number, the columns as text, and is_ragged.

    A row is ragged where its fields are not as many as the header names. A file that is gone by now has none; the next
    run sees that.
    """
    try:
        header, rows = read_csv(path)
    except FileNotFoundError:
        return []
    nothing = dict.fromkeys(COLUMNS)
    return [
        {
            "line_number": number,
            "is_ragged": len(fields) != len(header),
            **nothing,
            **dict(zip(header, (field or None for field in fields), strict=False)),
        }
        for number, fields in rows
    ]

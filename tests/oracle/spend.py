"""Ad spend: which landed rows count (A1, A2) and what they brought (A3)."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle.channels import ChannelRules
from tests.oracle.landing import by_stem
from tests.oracle.model import NOT_SET, AdSpend, Quarantined, Row
from tests.oracle.money import EXACT, Rates, in_dollars, number_of, round_to
from tests.oracle.text import clean

_COLUMNS = {"day", "source", "medium", "campaign", "currency", "cost", "clicks", "impressions"}
_NEEDED = {"day", "source", "medium", "cost"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"\+?[0-9]+|-0+")

Fields = dict[str, str | None]


def read_spend(folder: Path, rates: Rates, channels: ChannelRules) -> tuple[list[AdSpend], list[Quarantined]]:
    """The accepted rows of every file, and what is set aside: files, rows, and rows that another one stands for."""
    accepted: list[AdSpend] = []
    quarantine: list[Quarantined] = []
    files, unknown = by_stem(folder, ".csv")
    quarantine += [Quarantined(name, "spend", "unknown_name") for name in unknown]
    for path in files.values():
        for row in _rows(path, rates, channels):
            accepted.append(row) if isinstance(row, AdSpend) else quarantine.append(row)
    by_key: dict[tuple[object, ...], list[AdSpend]] = defaultdict(list)
    for row in accepted:
        by_key[row.spend_date, row.source, row.medium, row.campaign].append(row)
    judged = []
    for rows in by_key.values():
        newest = max(row.shard for row in rows)
        counted = min((row for row in rows if row.shard == newest), key=lambda row: row.line_number)
        for row in rows:
            judged.append(row._replace(is_counted=row is counted))
            if row is not counted:
                quarantine.append(Quarantined(row.shard, "spend", "duplicate_spend"))
    return judged, quarantine


def _rows(path: Path, rates: Rates, channels: ChannelRules) -> Iterator[AdSpend | Quarantined]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(lines.line_num, line) for line in lines]
    except (UnicodeDecodeError, csv.Error):
        yield Quarantined(path.stem, "spend", "unreadable")
        return
    header = [name.strip().lower() for name in table[0][1]] if table else []
    names = set(header)
    if len(names) < len(header) or not _NEEDED <= names <= _COLUMNS:
        yield Quarantined(path.stem, "spend", "wrong_columns")
        return
    for number, line in table[1:]:
        if "".join(line).strip():
            fields = {name: clean(field) for name, field in zip(header, line, strict=False)}
            if len(line) != len(header):
                yield Quarantined(path.stem, "spend", "wrong_fields")
            else:
                yield _judged((path.stem, number), fields, rates, channels)


def _judged(place: tuple[str, int], fields: Fields, rates: Rates, channels: ChannelRules) -> AdSpend | Quarantined:
    def aside(reason: str) -> Quarantined:
        return Quarantined(place[0], "spend", reason)

    day = _date(fields.get("day"))
    if day is None:
        return aside("unreadable_day")
    source, medium = fields.get("source"), fields.get("medium")
    if source is None and medium is None:
        return aside("no_source")
    spend, issue = _cost(day, fields.get("cost"), fields.get("currency"), rates)
    if spend is None:
        return aside(f"cost_{issue or 'missing'}")
    counts = [fields.get(name) for name in ("clicks", "impressions")]
    if any(text is not None and not _WHOLE.fullmatch(text) for text in counts):
        return aside("unreadable_count")
    clicks, impressions = (None if text is None else int(text) for text in counts)
    where = source or NOT_SET, medium or NOT_SET, fields.get("campaign") or NOT_SET
    group, channel = channels.channels(*where)
    return AdSpend(*place, day, *where, group, channel, spend, clicks, impressions, is_counted=True)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _cost(day: date, text: str | None, currency: str | None, rates: Rates) -> tuple[Decimal | None, str | None]:
    """As any amount (C2), by the rate of the day."""
    return (None, None) if text is None else in_dollars(number_of(text), currency, day, rates)


class Day(NamedTuple):
    """What one model credits of a day to a channel or campaign beside what was spent there (A3), by columns."""

    conversions: Decimal = Decimal(0)
    revenue: Decimal = Decimal("0.00")
    net_revenue: Decimal = Decimal("0.00")
    spend: Decimal | None = None
    new_customers: Decimal = Decimal(0)
    clicks: int | None = None
    impressions: int | None = None

    def row(self) -> Row:
        """The columns, with roas, cpa and cac."""
        return self._asdict() | {
            "roas": _quotient(self.revenue, self.spend, 4),
            "cpa": _quotient(self.spend, self.conversions, 2),
            "cac": _quotient(self.spend, self.new_customers, 2),
        }


def _quotient(number: Decimal | None, by: Decimal | None, places: int) -> Decimal | None:
    if number is None or not by:
        return None
    return round_to(EXACT.divide(number, by), Decimal(1).scaleb(-places))


def _plus(one: Any, other: Any) -> Any:  # noqa: ANN401 - amounts and counts
    return other if one is None else one if other is None else one + other


def days_of(
    credits: Iterable[Row], spend: Iterable[AdSpend], models: Sequence[str], names: tuple[str, ...]
) -> list[Row]:
    """A row a date, model and what the columns `names` tell apart; what neither earned nor cost anything has none."""
    days: dict[tuple[Any, ...], Day] = defaultdict(Day)
    for credit in credits:
        if not (credit["credit"] or credit["revenue"] or credit["net_revenue"]):
            continue
        key = credit["conversion_date"], credit["model"], *(credit[name] for name in names)
        day = days[key]
        ordered = credit["event_name"] == "purchase" or credit["transaction_id"] is not None
        is_new = ordered and credit["customer_type"] == "new"
        days[key] = day._replace(
            conversions=day.conversions + credit["credit"],
            revenue=day.revenue + credit["revenue"],
            net_revenue=day.net_revenue + credit["net_revenue"],
            new_customers=day.new_customers + (credit["credit"] if is_new else 0),
        )
    for row in spend:
        for model in models if row.is_counted else ():
            key = row.spend_date, model, *(getattr(row, name) for name in names)
            day = days[key]
            days[key] = day._replace(
                spend=_plus(day.spend, row.spend),
                clicks=_plus(day.clicks, row.clicks),
                impressions=_plus(day.impressions, row.impressions),
            )
    columns = ("conversion_date", "model", *names)
    return [dict(zip(columns, key, strict=True)) | day.row() for key, day in days.items()]

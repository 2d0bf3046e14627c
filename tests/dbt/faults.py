"""Faults that incremental pipelines had before, each as a change of a file of the dbt project."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from include.settings import PROJECT

DELETED = "where {{ touched_only(model.config.meta.replaces) }}"
OLD_KEYS = "{{ journal_keys(this, this_run_only=true) }}"
MINE = "select * from {{ accepted_copies(touched_only('device_key')) }} as c"
MATES = "where event_key in ({{ few_keys('select key from touched') }})"
STALE = "a.lookback_complete <> ({{ lookback_complete('c.converted_at') }})"
OTHER_FIT = "where f.fit_id is distinct from e.fit_id"
SESSION_ID = "{{ content_id(['s.person_id', 's.first_key']) }} as session_id"
BODY = "{%- if model.config.meta.logs %}"

#: Stories within which a fault must be found that few stories can show.
RARE = 400


@dataclass(frozen=True)
class Fault:
    """A text of a file under dbt/, and what stands there instead.

    examples: within how many stories the property must find it; as many as `make test` tries, unless it is rare.
    settings: under which of SETTINGS they are told.
    """

    name: str
    file: str
    old: str
    new: str
    examples: int = 40
    settings: str = "as shipped"

    def plant(self, copy: Path) -> Path:
        """A copy of the dbt project with the fault in it, at `copy`.

        Raises AssertionError where the text does not stand in the file exactly once: word the fault anew then.
        """
        shutil.copytree(PROJECT / "dbt", copy, ignore=shutil.ignore_patterns("target", "logs"))
        text = (copy / self.file).read_text()
        assert text.count(self.old) == 1, f"{self.file} no longer holds {self.old!r} once: word the fault anew"
        (copy / self.file).write_text(text.replace(self.old, self.new))
        return copy


FAULTS = (
    Fault(
        "late events ignored",  # a watermark on the event's own time
        "models/intermediate/int_events.sql",
        MINE,
        f"""{MINE} {{% if is_incremental() %}} where
            c.event_at > (select max(event_at) from {{{{ this }}}})
            or c.event_key in (select event_key from {{{{ this }}}})
        {{% endif %}}""",
    ),
    Fault(
        "running session numbers",
        "models/intermediate/int_sessions.sql",
        SESSION_ID,
        "cast(row_number() over (order by s.started_at, s.person_id) as {{ dbt.type_string() }}) as session_id",
    ),
    Fault(
        "old person forgotten",  # a late login does not re-attribute
        "macros/incremental/replace_keys.sql",
        OLD_KEYS,
        f"{{% if this.identifier != 'int_events' %}}{OLD_KEYS}{{% endif %}}",
    ),
    Fault(
        "stale sessions kept",
        "macros/incremental/replace_keys.sql",
        DELETED,
        f"""{DELETED}{{% if this.identifier == 'int_sessions' %}}
        and session_id in (select session_id from {{{{ new_rows() }}}}){{% endif %}}""",
    ),
    Fault("key-mates forgotten", "macros/events/event_mates.sql", MATES, f"{MATES} and false", RARE),
    Fault(
        "marked before the rows",
        "macros/incremental/replace_keys.sql",
        BODY,
        f"{{{{ mark_done() }}}} commit; begin; {BODY}",
        RARE,
    ),
    Fault("stale fits kept", "macros/credit/stale_fits.sql", OTHER_FIT, f"{OTHER_FIT} and false"),
    Fault(
        "items behind a new fit",
        "models/marts/mart_attribution.sql",
        "['conversion_date', 'person_id']",
        "'conversion_date'",
        settings="most",
    ),
    Fault("stale look-back kept", "macros/events/lookback.sql", STALE, f"{STALE} and false", RARE),
)

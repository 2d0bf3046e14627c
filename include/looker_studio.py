"""`python -m include.looker_studio`: links that open Looker Studio on this deployment's views for reports.

    python -m include.looker_studio                       # a blank report a view
    python -m include.looker_studio --template REPORT_ID  # a copy of your template (docs/looker_studio.md)

Looker Studio's Linking API is nothing but an address; nobody is called here. Exit code 0, 2 for a wrong setting.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from rich.console import Console

from include.settings import BigQuery, SettingError, Settings

CREATE = "https://lookerstudio.google.com/reporting/create"

#: What a report is called, by the view it reads.
REPORTS = {
    "report_channels": "Attribution: channels and campaigns",
    "report_conversions": "Attribution: conversions",
    "report_paths": "Attribution: paths",
}


def source(place: BigQuery, view: str, alias: str) -> dict[str, str]:
    """A data source of a linked report: the published view, read at the expense of the deployment's project."""
    values = {
        "connector": "bigQuery",
        "type": "TABLE",
        "projectId": place.project,
        "billingProjectId": place.project,
        "datasetId": place.published,
        "tableId": view,
        "datasourceName": view,
    }
    return {f"ds.{alias}.{name}": value for name, value in values.items()}


def link(name: str, sources: Mapping[str, str], template: str | None = None) -> str:
    """An address that makes a report called `name`; with a template's id, a copy of that one on these sources."""
    report = {"c.reportId": template} if template else {}
    return f"{CREATE}?{urlencode({**report, 'c.mode': 'edit', 'r.reportName': name, **sources})}"


def links(place: BigQuery, template: str | None = None) -> dict[str, str]:
    """Title -> address: one a view, or one for all where there is a template, whose aliases are the views' names."""
    if template:
        sources = {key: value for view in REPORTS for key, value in source(place, view, view).items()}
        return {"Attribution": link("Attribution", sources, template)}
    return {name: link(name, source(place, view, "ds0")) for view, name in REPORTS.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the links; the exit code."""
    options = argparse.ArgumentParser(prog="python -m include.looker_studio", description=__doc__.split("\n")[0])
    options.add_argument("--template", metavar="REPORT_ID", help="copy this report, which has a source a view")
    given = options.parse_args(arguments)
    try:
        place = Settings.from_env().bigquery
        if place is None:
            raise SettingError(
                "DBT_TARGET is local; Looker Studio reads BigQuery. On this machine: make up, make report"
            )
    except SettingError as error:
        Console(stderr=True).print(str(error), highlight=False, markup=False, soft_wrap=True)
        return 2
    for name, address in links(place, given.template).items():
        Console().print(f"{name}\n  {address}", highlight=False, markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

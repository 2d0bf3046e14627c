"""What `make bench` and `make truth` measure: the floor's work is the project's, and worlds are as declared."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.floor import compute
from benchmarks.history import Export, find_export, repeat
from benchmarks.measure import BenchmarkError
from benchmarks.truth import measure, report
from benchmarks.worlds import DIRECT, WORLDS, Channel, World, caused, lived, people
from include.attribution_table import MODELS
from include.simulator.history import write_history
from tests.dbt.project import Project, rows_of

END = datetime(2026, 3, 31, 15, 20, tzinfo=UTC)

# What the floor leaves out, made to make no difference: logins, denied consent, click ids, tags in URLs, hosts under
# one another. Payment gateways count as referrers on both sides, by the variable below.
PLAIN = """
copy (
    select * replace (
        cast(null as varchar) as user_id,
        list_transform(
            list_filter(event_params, lambda p: p.key in ('source', 'medium', 'page_location', 'page_referrer')),
            lambda p: struct_pack(key := p.key, value := struct_pack(
                string_value :=
                    replace(split_part(p.value.string_value, '?', 1), 'checkout.example-shop', 'www.example-shop'),
                int_value := p.value.int_value, float_value := p.value.float_value, double_value := p.value.double_value
            ))
        ) as event_params
    )
    from read_parquet($source)
    where user_pseudo_id is not null
) to $target (format parquet)
"""

CREDIT = "select person_id, epoch_us(converted_at) as converted_at, epoch_us(touched_at) as touched_at from"
#: The same asked of the project and of the floor.
SAME = (
    (
        "select person_id, started_at, ended_at, is_direct from int_sessions",
        "select person_id, started_at, ended_at, origin is null as is_direct from sessions",
    ),
    (f"{CREDIT} mart_attribution_first", "select person_id, converted_at, touched_at from first_click"),
    (f"{CREDIT} mart_attribution_last", "select person_id, converted_at, touched_at from last_click"),
)


def test_it_finds_the_projects_sessions_and_clicks(tmp_path: Path) -> None:
    """Of twenty simulated days without what the floor leaves out."""
    write_history(tmp_path / "generated", seed=3, end=END, days=20, people=500, schema="2021")
    project = Project(tmp_path, variables={"referral_exclusions": []})
    project.settings.ga4_export.mkdir(parents=True)
    with duckdb.connect() as connection:
        for path in (tmp_path / "generated").iterdir():
            target = project.settings.ga4_export / path.name
            connection.execute(PLAIN, {"source": str(path), "target": str(target)})
    project.build("--full-refresh")
    assert compute(tmp_path / "floor.duckdb", Export(project.settings.ga4_export, "").files) > 0
    with duckdb.connect(str(tmp_path / "floor.duckdb"), read_only=True) as floor:
        for ours, theirs in SAME:
            expected = project.rows(f"{ours} order by all")
            assert len(expected) > 20
            assert rows_of(floor, f"{theirs} order by all") == expected
        assert rows_of(
            floor,
            "select 1 from first_click as f join last_click as l using (person_id, order_id)"
            " where f.touched_at < l.touched_at",
        )


def test_each_copy_of_a_history_has_its_own_devices_users_and_days(tmp_path: Path) -> None:
    """The newest copy is the export itself, so that batches go on from the same events."""
    write_history(tmp_path / "export", seed=1, end=END, days=3, people=40)
    export = Export(tmp_path / "export", "three days")
    tripled = repeat(export, 3, tmp_path / "tripled")
    facts = """
    select count(*), count(distinct user_pseudo_id), count(distinct user_id),
        count_if(event_date = right(parse_filename(filename, true), 8))
    from read_parquet($files, filename = true)
    """
    once, thrice = (
        duckdb.execute(facts, {"files": [str(file) for file in one.files]}).fetchall()[0] for one in (export, tripled)
    )
    assert once[2] > 0
    assert thrice == tuple(3 * figure for figure in once)
    assert all((tripled.folder / file.name).read_bytes() == file.read_bytes() for file in export.files)


@pytest.mark.rehearsal
def test_it_measures_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    write_history(tmp_path / "export", seed=1, end=END, days=3, people=300)
    assert main(["--ga4", str(tmp_path / "export"), "--runs", "1", "--batches", "2"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "dbt beside the floor" in told
    assert "Airflow beside a bare dbt build" in told
    assert "A batch each 10 s" in told
    assert "publish at 1x, 10x and 40x" in told


@pytest.mark.rehearsal
def test_every_model_is_held_against_the_truth(tmp_path: Path) -> None:
    measured = measure(WORLDS[0], tmp_path, 2_000, 1)
    assert all(0 < measured.wrong(model) < 50 for model in MODELS)
    told = "\n".join(report([measured]))
    assert all(f"| `{model}` |" in told for model in MODELS)
    assert all(f"| {channel} |" in told for channel in WORLDS[0].channels)


def test_a_folder_without_export_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="--ga4"):
        find_export(tmp_path, tmp_path / "scratch")


def orders_and_caused(channels: dict[str, Channel], **world: object) -> tuple[int, dict[str, int]]:
    """Of 5,000 people: the orders, and how many of them each channel caused."""
    one = World("small", "", channels, **world)  # type: ignore[arg-type]
    crowd = people(one, 5_000, 1)
    return sum(lived(one, person)[1] for person in crowd), caused(one, crowd)


def test_single_visits_cause_what_their_chance_says() -> None:
    """People with one visit at most: the orders a channel causes are those of its visits, a fifth and a twentieth."""
    one = World("small", "", {"Email": Channel(1, effect=0.2), "Social": Channel(1, effect=0.05)})
    crowd = [person for person in people(one, 40_000, 1) if len(person[1]) == 1]
    visits = {name: sum(person[1][0].channel == name for person in crowd) for name in one.channels}
    found = caused(one, crowd)
    assert sum(lived(one, person)[1] for person in crowd) == sum(found.values())
    assert found["Email"] / visits["Email"] == pytest.approx(0.2, abs=0.015)
    assert found["Social"] / visits["Social"] == pytest.approx(0.05, abs=0.01)


def test_a_channel_causes_what_is_missing_without_it() -> None:
    """Nothing without an effect or in the way of direct visits; what lasts, all; two that need each other, the same."""
    assert orders_and_caused({"Email": Channel(1, effect=0.1), "Social": Channel(1)})[1]["Social"] == 0
    brand = {"Paid Search": Channel(1, instead=1), DIRECT: Channel(0.5)}
    assert orders_and_caused(brand, intending=0.5, intent=0.3)[1]["Paid Search"] == 0
    orders, found = orders_and_caused({"Social": Channel(1, later=0.3), "Email": Channel(1)})
    assert found["Social"] == orders > 100
    pair = {("Social", "Email"): 0.5}
    _, found = orders_and_caused({"Social": Channel(1), "Email": Channel(1)}, together=pair)
    assert found["Social"] == found["Email"] > 0

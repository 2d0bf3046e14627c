"""T6: journeys with and without a conversion, paths, and channels that touched the same conversions."""

from decimal import Decimal

from tests.oracle.journeys import overlaps_of, paths_of
from tests.unit.oracle.world import DAY, NOON, World, bought, streamed

ZERO = Decimal("0.00")


def test_what_counts_for_no_conversion_is_a_journey_of_its_own(world: World) -> None:
    world.stream(
        streamed("too early", -14 * DAY - 1, source="a", medium="email"),
        streamed("counts", -DAY, source="google", medium="organic"),
        bought("own"),
        streamed("after", DAY, source="b", medium="email"),
        streamed("edge", 15 * DAY),
        streamed("a microsecond more", 29 * DAY + 1),
        streamed("someone else", 0, user_pseudo_id="e"),
    )
    rows = [(j.person_id, j.path, j.touchpoints, j.started_at - NOON, j.revenue) for j in world.tables().journeys]
    assert sorted(rows, key=lambda row: row[:1] + row[3:4]) == [
        ("d", "Email", 1, -14 * DAY - 1, None),
        ("d", "Organic Search > Direct", 2, -DAY, Decimal("10.00")),
        ("d", "Email > Direct", 2, DAY, None),
        ("d", "Direct", 1, 29 * DAY + 1, None),
        ("e", "Direct", 1, 0, None),
    ]
    (converted,) = (journey for journey in world.tables().journeys if journey.conversion_id)
    assert (converted.journey_id, converted.seconds_to_convert) == (converted.conversion_id, 86_400)


def test_a_touch_of_two_conversions_is_in_the_journeys_of_both(world: World) -> None:
    world.stream(streamed("1", -DAY), bought("2"), bought("3", DAY))
    assert [journey.touchpoints for journey in world.tables().journeys] == [2, 3]


def test_paths_count_what_became_of_their_journeys(world: World) -> None:
    world.stream(
        streamed("1", -DAY, source="google", medium="organic"),
        bought("2", value=5),
        streamed("3", -2 * DAY, user_pseudo_id="e", source="google", medium="organic"),
        bought("4", 1_999_999, user_pseudo_id="e", value=2),
        streamed("5", -DAY, user_pseudo_id="f", source="google", medium="organic"),
        streamed("6", user_pseudo_id="f"),
    )
    (path,) = paths_of(world.tables().journeys)
    assert path.path == "Organic Search > Direct"
    assert (path.conversions, path.journeys_without_conversion, path.revenue) == (2, 1, Decimal("7.00"))
    assert path.seconds_to_convert == (86_400 + 2 * 86_400 + 1) // 2


def test_a_channel_assists_what_another_closes(world: World) -> None:
    world.stream(
        streamed("1", -DAY, source="a", medium="email"),
        streamed("2", -DAY // 2, source="google", medium="organic"),
        bought("3"),
    )
    tables = world.tables()
    touched = {tables.last[0].conversion_id: {touch.channel for touch in tables.touchpoints}}
    closed = {(row.channel, row.other_channel): row.closed_by_other for row in overlaps_of(touched, tables.last)}
    assert len(closed) == 9
    assert {pair for pair, times in closed.items() if times} == {
        (channel, "Organic Search") for channel in ("Email", "Organic Search", "Direct")
    }

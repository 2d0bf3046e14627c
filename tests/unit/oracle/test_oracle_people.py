"""I1 to I4: who an event belongs to."""

from tests.unit.oracle.world import World, streamed


def people(world: World) -> dict[str, str]:
    """The person of every event."""
    return {event.event_key: event.person_id for event in world.tables().events}


def test_one_user_ever_owns_the_device_before_and_after(world: World) -> None:
    world.stream(streamed("before", -5), streamed("login", user_id="ada"), streamed("after", 5))
    assert set(people(world).values()) == {"ada"}


def test_a_device_never_seen_with_a_user_is_the_person(world: World) -> None:
    world.stream(streamed("a", user_id="   "))
    assert people(world) == {"a": "d"}


def test_an_ignored_id_is_no_user(world: World) -> None:
    world.stream(streamed("a", user_id=" NULL "), streamed("b", user_id="0", user_pseudo_id=None))
    world.stream(streamed("c", user_id="nullable", user_pseudo_id=None), batch="b2")
    assert people(world) == {"a": "d", "b": "event:b", "c": "nullable"}


def test_a_shared_device_belongs_to_the_last_user_seen_or_else_the_first_to_come(world: World) -> None:
    world.stream(
        streamed("0", -1),
        streamed("1", 0, user_id="ada"),
        streamed("2", 0),
        streamed("3", 9),
        streamed("4", 10, user_id="bob"),
        streamed("5", 10),
        streamed("6", 11),
    )
    expected = {"0": "ada", "1": "ada", "2": "ada", "3": "ada", "4": "bob", "5": "bob", "6": "bob"}
    assert people(world) == expected


def test_of_two_logins_in_one_microsecond_the_last_in_order_counts(world: World) -> None:
    world.stream(
        streamed("k2", user_id="bob"), streamed("k1", user_id="ada"), streamed("before", -1), streamed("after", 1)
    )
    assert people(world) == {"k1": "ada", "k2": "bob", "before": "ada", "after": "bob"}


def test_a_user_on_two_devices_is_one_person_and_devices_do_not_merge(world: World) -> None:
    world.stream(
        streamed("1", user_id="ada", user_pseudo_id="phone"),
        streamed("2", 1, user_id="ada", user_pseudo_id="shared"),
        streamed("3", 2, user_id="bob", user_pseudo_id="shared"),
        streamed("4", 3, user_pseudo_id="phone"),
    )
    assert people(world) == {"1": "ada", "2": "ada", "3": "bob", "4": "ada"}


def test_a_late_login_moves_the_past(world: World) -> None:
    world.stream(streamed("1"), streamed("2", 1))
    assert set(people(world).values()) == {"d"}
    world.stream(streamed("3", 2, user_id="ada"), batch="later")
    assert set(people(world).values()) == {"ada"}


def test_without_device_and_user_an_event_is_a_person_of_its_own(world: World) -> None:
    world.stream(streamed("1", user_pseudo_id=None), streamed("2", user_pseudo_id=""))
    assert people(world) == {"1": "event:1", "2": "event:2"}
    assert len(world.tables().sessions) == 2

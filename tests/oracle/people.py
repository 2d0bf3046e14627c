"""Who an event belongs to (I1 to I4)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from tests.oracle.events import order
from tests.oracle.model import Event


class Devices:
    """The users seen on every device, over all events: a late login moves the past (I3)."""

    def __init__(self, events: Iterable[Event]) -> None:
        """Note every event that names both a device and a user."""
        logins: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.user_pseudo_id is not None and event.user_id is not None:
                logins[event.user_pseudo_id].append(event)
        self._users: dict[str, tuple[list[int], list[str]]] = {}
        for device, seen in logins.items():
            seen.sort(key=order)
            self._users[device] = [event.event_at for event in seen], [event.user_id or "" for event in seen]

    def person_of(self, event: Event) -> str:
        """The user, else the device's user at that time, else the device, else the event alone (I4)."""
        if event.user_id is not None:
            return event.user_id
        if event.user_pseudo_id is None:
            return f"event:{event.event_key}"
        if event.user_pseudo_id not in self._users:
            return event.user_pseudo_id
        times, users = self._users[event.user_pseudo_id]
        # The last login at or before the event; with none before, the first one after it.
        return users[max(bisect_right(times, event.event_at) - 1, 0)]


def by_person(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Every person's events in order E2, each with its `person_id`."""
    events = list(events)
    devices = Devices(events)
    people: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        person = devices.person_of(event)
        people[person].append(event._replace(person_id=person))
    for theirs in people.values():
        theirs.sort(key=order)
    return people

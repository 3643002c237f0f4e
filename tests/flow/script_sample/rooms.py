"""A conferencing service that notes what it is asked, and fails on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from examples.rooms import Room, Wish


class FakeRooms:
    """Rooms in memory. `calls` has what was done; a call that failed is none."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.standing: dict[str, Wish] = {}
        self.before: Callable[[str, Wish], None] = lambda _what, _wish: None
        """Called before each change; what it raises, the service answers."""
        self.after: Callable[[str, Wish], None] = lambda _what, _wish: None
        """Called after each change, before its answer."""
        self.number, self.pin = "41000", "1"
        self._keys: dict[str, str] = {}

    def create(self, key: str, wish: Wish) -> Room:
        """Make a room."""
        name = self._keys.get(key)
        if name is None or name not in self.standing:
            name = f"room-{len(self._keys) + 1}"
            self._keys[key] = name
            self._do("create", name, wish)
        return self.look(name)

    def look(self, room: str) -> Room:
        """The room."""
        return Room(room, f"https://rooms.example.com/{room}", phone_number=self.number, phone_pin=self.pin)

    def update(self, room: str, wish: Wish) -> Room:
        """Change a room."""
        self._do("update", room, wish)
        return self.look(room)

    def delete(self, room: str) -> None:
        """Delete a room."""
        self._do("delete", room, Wish())

    def done(self) -> Counter[str]:
        """How often each thing was done since the last look."""
        done = Counter(what for what, _ in self.calls)
        self.calls.clear()
        return done

    def _do(self, what: str, room: str, wish: Wish) -> None:
        self.before(what, wish)
        self.calls.append((what, room))
        if what == "delete":
            self.standing.pop(room, None)
        else:
            self.standing[room] = wish
        self.after(what, wish)

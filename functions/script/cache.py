"""Strings that a script keeps for a while, and that every reader must be able to do without.

Authority: https://developers.google.com/apps-script/reference/cache
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conference.errors import Conflict, Refused
from functions.pages import every
from functions.ports import Delete, Document, Put, Where
from functions.script import context, keeping
from functions.script.errors import BadArgument, BadValue, TooLarge
from functions.script.keeping import Owner
from functions.script.text import size, to_text, units

COLLECTION = "cache"
SECONDS = 600


class Cache:
    """One cache. An item is gone when its time is over, and may be gone before."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._store = owner.project.ground.store
        self._limits = owner.project.limits

    def get(self, key: str) -> str | None:
        """The value, or None. Raises TooLarge, under the profile, for a key that cannot be kept."""
        kept = self._store.get(self._place(self._named(key, "Cache.get")))
        return keeping.data(kept).get("value")

    def get_all(self, keys: Iterable[str]) -> dict[str, str]:
        """The pairs of those keys that are found."""
        found = {key: self.get(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def put(self, key: str, value: object, seconds: int = SECONDS) -> None:
        """Keep a value for so many seconds. Raises TooLarge, BadValue."""
        self.put_all({key: value}, seconds)

    def put_all(self, values: Mapping[str, object], seconds: int = SECONDS) -> None:
        """Keep several values; if one is refused, none is kept."""
        self._check_seconds(seconds)
        pairs = [self._pair(key, value) for key, value in values.items()]
        until = self._owner.project.ground.now() + seconds
        for key, value in pairs:
            self._keep(key, value, until)
        self._shorten()

    def remove(self, key: str) -> None:
        """Forget one; a key that is not there is no error."""
        place = self._place(self._named(key, "Cache.remove"))

        def without(document: Document | None) -> list[Delete] | None:
            return [Delete(place, document.version)] if document else None

        keeping.settle(self._owner.project, place, without)

    def remove_all(self, keys: Iterable[str]) -> None:
        """Forget several."""
        for key in keys:
            self.remove(key)

    def _keep(self, key: str, value: str, until: float) -> None:
        place = self._place(key)
        kept = {**self._owner.fields(), "cache": self._owner.id(), "value": value, "expire_at": until}

        def put(document: Document | None) -> list[Put]:
            return [Put(place, kept, keeping.version(document))]

        try:
            keeping.settle(self._owner.project, place, put)
        except Refused:
            raise TooLarge("value", "It exceeds what the store takes.") from None

    def _shorten(self) -> None:
        """Keep only the items farthest from expiry, if there are more than the profile allows."""
        most = self._limits.cache_items
        if most is None:
            return
        mine = [Where("cache", "==", self._owner.id())]
        items = list(every(self._store, COLLECTION, mine, order_by="expire_at"))
        if len(items) <= most:
            return
        for item in items[: len(items) - self._limits.cache_kept]:
            try:
                self._store.commit(Delete(item.key, item.version))
            except Conflict:
                continue  # put again meanwhile, or gone already

    def _place(self, key: str) -> str:
        return self._owner.key(COLLECTION, key)

    def _pair(self, key: object, value: object) -> tuple[str, str]:
        name, text = self._named(key, "Cache.put"), to_text(value, "Cache.put")
        try:
            used = size(text)
        except UnicodeEncodeError:
            raise BadValue("Cache.put takes valid Unicode only") from None
        if self._limits.cache_value is not None and used > self._limits.cache_value:
            raise TooLarge("value")
        return name, text

    def _named(self, key: object, method: str) -> str:
        context.check_time()
        name = to_text(key, method)
        if self._limits.cache_key is not None and units(name) > self._limits.cache_key:
            raise TooLarge("key")
        return name

    def _check_seconds(self, seconds: int) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise BadArgument("Cache.put", [type(seconds).__name__], "Seconds are a whole number.")
        longest = self._limits.cache_seconds
        if seconds < 1 or (longest is not None and seconds > longest):
            raise BadValue(f"an item is kept for 1 to {longest or 'any number of'} seconds")


def get_script_cache() -> Cache:
    """What all users of the script share. Raises NotRunning."""
    return Cache(keeping.of_script())


def get_user_cache() -> Cache:
    """What is the effective user's own in this script. Raises NotRunning, NoUser."""
    return Cache(keeping.of_user())


def get_document_cache() -> Cache | None:
    """What belongs to the document that the script is bound to; None outside one. Raises NotRunning."""
    owner = keeping.of_document()
    return None if owner is None else Cache(owner)

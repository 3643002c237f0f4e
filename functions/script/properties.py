"""Strings that a script keeps: for all its users, for one user, or for one document.

Authority: https://developers.google.com/apps-script/reference/properties
A store is one document while it is small. When it outgrows that, its values move to sixteen documents beside it; the
first one is written with each of them, so that every change is one commit and every reading belongs to one moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from conference.errors import Conflict, Refused
from functions.ports import Delete, Document, Put
from functions.script import context, keeping, quota
from functions.script.errors import BadValue, QuotaExceeded, TooLarge
from functions.script.keeping import Owner
from functions.script.text import size, to_text

COLLECTION = "properties"
SHARDS = 16
INLINE = 200_000
"""Bytes of keys and values that one document holds before they are spread."""

Change = Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Store:
    """A store as read at one moment: its first document, those beside it, and the values of all."""

    head: Document | None
    shards: tuple[Document | None, ...]
    values: dict[str, str]


class Properties:
    """One store of properties. Setters return it, so that calls can be chained."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._key = owner.key(COLLECTION)

    def get_property(self, key: str) -> str | None:
        """The value, or None."""
        name = to_text(key, "Properties.get_property")
        return self._read([_place(name)]).get(name)

    def get_keys(self) -> list[str]:
        """All keys."""
        return list(self.get_properties())

    def get_properties(self) -> dict[str, str]:
        """A copy of all pairs."""
        return self._read()

    def set_property(self, key: str, value: object) -> Self:
        """Keep a value; numbers and truth values become text as in JavaScript. Raises TooLarge, QuotaExceeded."""
        name, text = _pair(key, value, "Properties.set_property")
        return self._change(lambda kept: {**kept, name: text})

    def set_properties(self, properties: Mapping[str, object], delete_all_others: bool = False) -> Self:
        """Keep several at once, or none of them if one is refused; in one commit."""
        fresh = dict(_pair(key, value, "Properties.set_properties") for key, value in dict(properties).items())
        return self._change(lambda kept: fresh if delete_all_others else {**kept, **fresh})

    def delete_property(self, key: str) -> Self:
        """Forget one; a key that is not there is no error."""
        name = to_text(key, "Properties.delete_property")
        return self._change(lambda kept: {known: value for known, value in kept.items() if known != name})

    def delete_all_properties(self) -> Self:
        """Forget all."""
        return self._change(lambda _: {})

    def update(self, key: str, change: Callable[[str | None], object]) -> str | None:
        """Replace a value by what `change` makes of it, None meaning none, as one conditional commit.

        `change` is called again with what stands there then if somebody else was quicker. Returns the new value.
        """
        name, made = to_text(key, "Properties.update"), dict[str, str]()

        def changed(kept: dict[str, str]) -> dict[str, str]:
            made.clear()
            value = change(kept.get(name))
            if value is not None:
                made.update([_pair(name, value, "Properties.update")])
            return {**{known: other for known, other in kept.items() if known != name}, **made}

        self._change(changed)
        return made.get(name)

    # ---- Reading ----------------------------------------------------------------------------

    def _read(self, places: Iterable[int] = range(SHARDS)) -> dict[str, str]:
        """The values that fall into these places, as one commit left them."""
        found: dict[str, str] = {}

        def look(head: Document | None) -> None:
            found.update(self._gather(head, places).values)

        self._spend("reads")
        keeping.settle(self._owner.project, self._key, look)
        return found

    def _gather(self, head: Document | None, places: Iterable[int] = range(SHARDS)) -> _Store:
        """What stands beside the first document. Raises Conflict if it belongs to another moment."""
        if not keeping.data(head).get("spread"):
            return _Store(head, (), dict(keeping.data(head).get("values", {})))
        store = self._owner.project.ground.store
        shards = tuple(store.get(self._shard(place)) for place in places)
        if keeping.version(store.get(self._key)) != keeping.version(head):
            raise Conflict("the properties have changed meanwhile")
        held = (keeping.data(shard).get("values", {}) for shard in shards)
        return _Store(head, shards, {key: value for values in held for key, value in values.items()})

    def _shard(self, place: int) -> str:
        return f"{self._key}-{place:02d}"

    # ---- Writing ----------------------------------------------------------------------------

    def _change(self, change: Change) -> Self:
        self._spend("writes")
        try:
            keeping.settle(self._owner.project, self._key, lambda head: self._writes(self._gather(head), change))
        except Refused:
            raise TooLarge(
                "value", "One value, or what falls into one part of the store, exceeds a document."
            ) from None
        return self

    def _writes(self, store: _Store, change: Change) -> list[Put | Delete] | None:
        wanted = change(dict(store.values))
        if wanted == store.values:
            return None
        used = sum(size(key) + size(value) for key, value in wanted.items())
        self._check(wanted, store.values, used)
        if store.shards or used > INLINE:
            return self._spread(store, wanted)
        return [self._head(store, values=wanted)] if wanted else [Delete(self._key, _known(store.head))]

    def _spread(self, store: _Store, wanted: dict[str, str]) -> list[Put | Delete]:
        """The first document, which always changes, and those of the others that differ."""
        if not wanted:
            return [Delete(found.key, found.version) for found in (store.head, *store.shards) if found]
        parts: list[dict[str, str]] = [{} for _ in range(SHARDS)]
        for key, value in wanted.items():
            parts[_place(key)][key] = value
        writes: list[Put | Delete] = [self._head(store, spread=True)]
        standing = store.shards or (None,) * SHARDS
        for place, (found, part) in enumerate(zip(standing, parts, strict=True)):
            if part != keeping.data(found).get("values", {}):
                writes.append(Put(self._shard(place), {**self._owner.fields(), "values": part}, keeping.version(found)))
        return writes

    def _head(self, store: _Store, **content: Any) -> Put:
        return Put(self._key, {**self._owner.fields(), **content}, keeping.version(store.head))

    # ---- Limits -----------------------------------------------------------------------------

    def _check(self, wanted: dict[str, str], before: dict[str, str], used: int) -> None:
        limits = self._owner.project.limits
        fresh = [value for key, value in wanted.items() if before.get(key) != value]
        if limits.property_value is not None and any(size(value) > limits.property_value for value in fresh):
            raise TooLarge("value")
        if limits.property_store is not None and fresh and used > limits.property_store:
            raise QuotaExceeded(QuotaExceeded.PROPERTY_STORAGE)

    def _spend(self, what: str) -> None:
        context.check_time()
        owner, limit = self._owner, self._owner.project.limits.property_calls
        refusal = QuotaExceeded.per_day(f"graphite property {what}")
        quota.spend(owner.project, owner.user, "properties", limit, refusal)


def get_script_properties() -> Properties:
    """What all users of the script share. Raises NotRunning."""
    return Properties(keeping.of_script())


def get_user_properties() -> Properties:
    """What is the effective user's own in this script. Raises NotRunning, NoUser."""
    return Properties(keeping.of_user())


def get_document_properties() -> Properties | None:
    """What belongs to the document that the script is bound to; None outside one. Raises NotRunning."""
    owner = keeping.of_document()
    return None if owner is None else Properties(owner)


def _pair(key: object, value: object, method: str) -> tuple[str, str]:
    name, text = to_text(key, method), to_text(value, method)
    try:
        (name + text).encode()
    except UnicodeEncodeError:
        raise BadValue(f"{method} takes valid Unicode only") from None
    return name, text


def _place(key: str) -> int:
    return hashlib.sha256(msgspec.json.encode(key)).digest()[0] % SHARDS


def _known(document: Document | None) -> str:
    # Only reached when there was something to delete.
    return document.version if document else ""

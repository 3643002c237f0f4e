"""What is Firestore's own beyond the Store's contract: lost answers, ids, indexes, an emulator that goes away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.cloud.firestore_v1.types import Write
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown, Refused
from functions.ports import Delete, Document, Put, Where
from infra.google.firestore import FirestoreStore
from infra.google.firestore_errors import of_commit, of_read
from infra.google.firestore_indexes import declared
from infra.google.firestore_layout import document_id, text_of
from infra.google.firestore_wire import Read, Wire
from infra.local.firestore_emulator import Emulator, Missing, find_jar
from infra.local.memory import ManualClock
from tests.contract.firestore_ground import emulator, needs_emulator, new_mark, new_project, store_in
from tests.contract.grounds import NOON


def failing(kind: Callable[[str], Exception], text: str) -> Exception:
    """A failure as Google's client raises it."""
    return kind(text)


LOST = failing(exceptions.DeadlineExceeded, "the answer did not come")
Deed = Callable[[], Timestamp]


class Losing(Wire):
    """A connection on which each commit to come is met by the next of `fates`: done or not, told or not."""

    def __init__(self, project: str) -> None:
        super().__init__(project, emulator=emulator().address)
        self.fates: list[Callable[[Deed], Timestamp]] = []
        self.asked = 0
        self.deaf = False

    def commit(self, writes: Sequence[Write]) -> Timestamp:
        """As its fate says; as usual when none is left."""
        self.asked += 1
        usual = super().commit
        return self.fates.pop(0)(lambda: usual(writes)) if self.fates else usual(writes)

    def read(self, keys: Sequence[str]) -> dict[str, Read]:
        """As usual, while anything is heard."""
        if self.deaf:
            raise LOST
        return super().read(keys)


def done_but_lost(deed: Deed) -> Timestamp:
    """Firestore does it, and the answer is lost."""
    deed()
    raise LOST


def never_arrived(_deed: Deed) -> Timestamp:
    """Firestore never hears of it, and we do not know."""
    raise LOST


class Late:
    """Firestore does it only when it is asked for the next thing."""

    def __call__(self, deed: Deed) -> Timestamp:
        """Keep it, and lose the answer."""
        self._deed = deed
        raise LOST

    def then(self, deed: Deed) -> Timestamp:
        """Do what was kept, and then this."""
        self._deed()
        return deed()


class Scene:
    """A store whose answers get lost, and another one of the same project whose do not."""

    def __init__(self, open_: ExitStack) -> None:
        project, clock = new_project(), ManualClock(NOON)
        self.wire = Losing(project)
        self.store = FirestoreStore(self.wire, clock, new_mark=new_mark, pause=lambda: None)
        open_.callback(self.store.close)
        self.other = store_in(project, emulator().address, clock, open_)
        self.versions: dict[str, str] = {}
        for key in ("feeds/a", "feeds/b"):
            self.put(key, 0)

    def put(self, key: str, n: int) -> None:
        """Somebody else writes the document."""
        (version,) = self.other.commit(Put(key, {"n": n}, self.versions.get(key)))
        self.versions[key] = str(version)

    def n(self, key: str) -> int | None:
        """What the document holds."""
        found = self.other.get(key)
        return int(found.data["n"]) if found else None


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Two documents that hold 0."""
    with ExitStack() as open_:
        yield Scene(open_)


def test_a_commit_that_was_done_is_found_to_be_done(scene: Scene) -> None:
    """Though its answer is lost the caller is told its versions, and nothing is asked twice."""
    writes = [Put("feeds/a", {"n": 1}, scene.versions["feeds/a"]), Put("feeds/new", {"n": 1}, None)]
    scene.wire.fates = [done_but_lost]

    versions = scene.store.commit(*writes)

    found = [scene.other.get(write.key) for write in writes]
    assert [document and document.version for document in found] == list(versions)
    assert scene.wire.asked == 1


def test_a_commit_that_was_not_done_is_done_once(scene: Scene) -> None:
    """While a document shows that nothing happened, asking again is safe."""
    scene.wire.fates = [never_arrived]

    scene.store.commit(Put("feeds/a", {"n": 1}, scene.versions["feeds/a"]), Put("feeds/new", {"n": 1}, None))

    assert (scene.n("feeds/a"), scene.n("feeds/new"), scene.wire.asked) == (1, 1, 2)


def test_a_commit_that_comes_through_late_is_done_once(scene: Scene) -> None:
    """The first arrives between the look and the second: the second fails, and the caller is told of the first."""
    late = Late()
    scene.wire.fates = [late, late.then]

    (version,) = scene.store.commit(Put("feeds/a", {"n": 1}, scene.versions["feeds/a"]))

    found = scene.other.get("feeds/a")
    assert found is not None
    assert (found.data, found.version) == ({"n": 1}, version)


def overtake(scene: Scene) -> Callable[[Deed], Timestamp]:
    """Somebody else writes one of the documents first; ours never arrives."""

    def fate(_deed: Deed) -> Timestamp:
        scene.put("feeds/a", 7)
        raise LOST

    return fate


def overwrite(scene: Scene) -> Callable[[Deed], Timestamp]:
    """Ours is done, and then somebody else writes the document."""

    def fate(deed: Deed) -> Timestamp:
        deed()
        found = scene.other.get("feeds/a")
        assert found is not None
        scene.versions["feeds/a"] = found.version
        scene.put("feeds/a", 7)
        raise LOST

    return fate


def test_a_commit_that_can_never_be_done_is_a_conflict(scene: Scene) -> None:
    """One document was taken by another, and a second one shows that ours was not done: that is certain."""
    writes = [Put(key, {"n": 1}, scene.versions[key]) for key in ("feeds/a", "feeds/b")]
    scene.wire.fates = [overtake(scene)]

    with pytest.raises(Conflict):
        scene.store.commit(*writes)

    assert (scene.n("feeds/a"), scene.n("feeds/b")) == (7, 0)


@pytest.mark.parametrize("fate", [overtake, overwrite])
def test_what_cannot_be_told_is_unknown(scene: Scene, fate: Callable[[Scene], Callable[[Deed], Timestamp]]) -> None:
    """Done and overwritten, or overtaken: the document looks the same, and the caller must look for itself."""
    write = Put("feeds/a", {"n": 1}, scene.versions["feeds/a"])
    scene.wire.fates = [fate(scene)]

    with pytest.raises(OutcomeUnknown):
        scene.store.commit(write)

    assert scene.n("feeds/a") == 7


@pytest.mark.parametrize(
    ("fate", "write", "left"),
    [
        (never_arrived, lambda _: Put("feeds/new", {"n": 1}, None), None),  # made and deleted by another since?
        (done_but_lost, lambda version: Delete("feeds/a", version), None),  # by us, or by another?
        (never_arrived, lambda version: Delete("feeds/a", version), None),  # nothing happened, so it is done again
    ],
)
def test_what_leaves_no_trace(
    scene: Scene,
    fate: Callable[[Deed], Timestamp],
    write: Callable[[str], Put | Delete],
    left: int | None,
) -> None:
    """Of an absent document nobody can tell who deleted it; only one that still stands may be deleted again."""
    one = write(scene.versions["feeds/a"])
    scene.wire.fates = [fate]
    certain = isinstance(one, Delete) and fate is never_arrived

    if certain:
        assert scene.store.commit(one) == (None,)
    else:
        with pytest.raises(OutcomeUnknown):
            scene.store.commit(one)

    assert scene.n(one.key) == left


def test_a_look_that_fails_leaves_it_unknown(scene: Scene) -> None:
    """Where Firestore cannot be asked either, the caller is told that nobody knows."""
    scene.wire.fates, scene.wire.deaf = [done_but_lost], True

    with pytest.raises(OutcomeUnknown):
        scene.store.commit(Put("feeds/a", {"n": 1}, scene.versions["feeds/a"]))

    assert scene.n("feeds/a") == 1


def test_a_repeat_that_fails_too_leaves_it_unknown(scene: Scene) -> None:
    """Asked twice and never answered: the documents show no trace of it, and it may still come through."""
    write = Put("feeds/a", {"n": 1}, scene.versions["feeds/a"])
    scene.wire.fates = [never_arrived, never_arrived]

    with pytest.raises(OutcomeUnknown):
        scene.store.commit(write)

    assert scene.n("feeds/a") == 0


def overtaken(_deed: Deed) -> Timestamp:
    """Somebody else was first."""
    raise failing(exceptions.FailedPrecondition, "the stored version does not match")


@pytest.mark.parametrize(
    ("fate", "raised", "left"), [(done_but_lost, None, 2), (never_arrived, None, 2), (overtaken, Conflict, None)]
)
def test_what_has_expired_is_replaced_once(
    scene: Scene, fate: Callable[[Deed], Timestamp], raised: type[Exception] | None, left: int | None
) -> None:
    """The second request, which replaces what Firestore has not yet deleted, fares as the first would."""
    scene.other.commit(Put("feeds/old", {"n": 1, "expire_at": NOON.timestamp() - 1}, None))
    scene.wire.fates = [lambda deed: deed(), fate]
    write = Put("feeds/old", {"n": 2}, None)

    if raised:
        with pytest.raises(raised):
            scene.store.commit(write)
    else:
        assert scene.store.commit(write)

    assert scene.n("feeds/old") == left


@pytest.mark.parametrize(("failure", "purged"), [(exceptions.NotFound, 0), (exceptions.ServiceUnavailable, None)])
def test_purging_leaves_others_alone(scene: Scene, failure: Callable[[str], Exception], purged: int | None) -> None:
    """What somebody else deletes or replaces meanwhile is not counted; without an answer it is for later."""

    def fate(_deed: Deed) -> Timestamp:
        raise failing(failure, "x")

    scene.other.commit(Put("feeds/old", {"expire_at": NOON.timestamp() - 1}, None))
    scene.wire.fates = [fate]

    if purged is None:
        with pytest.raises(Later):
            scene.store.purge(NOON)
    else:
        assert scene.store.purge(NOON) == purged


def test_a_crowd_is_a_conflict_after_a_pause() -> None:
    """Whoever met others waits a moment at random before it is told, so that not all come back at once."""
    paused: list[str] = []
    with ExitStack() as open_:
        wire = Losing(new_project())
        store = FirestoreStore(wire, ManualClock(NOON), new_mark=new_mark, pause=lambda: paused.append("for a moment"))
        open_.callback(store.close)

        def crowded(_deed: Deed) -> Timestamp:
            raise failing(exceptions.Aborted, "Transaction lock timeout.")

        wire.fates = [crowded]
        with pytest.raises(Conflict):
            store.commit(Put("feeds/a", {}, None))

        assert paused == ["for a moment"]
        assert store.get("feeds/a") is None


# ---- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "read", "commit"),
    [
        (failing(exceptions.ServiceUnavailable, "Socket closed"), Later, OutcomeUnknown),
        (failing(exceptions.ServiceUnavailable, "failed to connect to all addresses; last error: …"), Later, Later),
        (failing(exceptions.DeadlineExceeded, "x"), Later, OutcomeUnknown),
        (failing(exceptions.InternalServerError, "x"), Later, OutcomeUnknown),
        (failing(exceptions.Unknown, "x"), Later, OutcomeUnknown),
        (failing(exceptions.Cancelled, "x"), Later, OutcomeUnknown),
        (failing(exceptions.ResourceExhausted, "x"), Later, Later),
        (failing(exceptions.Aborted, "x"), Later, Later),
        (failing(exceptions.PermissionDenied, "x"), Later, Later),
        (failing(exceptions.Unauthenticated, "x"), Later, Later),
        (RefreshError("x"), Later, Later),
        (ValueError("Cannot invoke RPC on closed channel!"), Later, Later),
        (failing(exceptions.InvalidArgument, "x"), Refused, Refused),
    ],
)
def test_each_failure_says_what_to_do(
    failure: Exception, read: type[LockstepError], commit: type[LockstepError]
) -> None:
    """Later where nothing was done, OutcomeUnknown where it may have been; never with Firestore's own text."""
    texts = [str(of_read("get", failure)), str(of_commit(failure))]

    assert isinstance(of_read("get", failure), read)
    assert isinstance(of_commit(failure), commit)
    assert not any(str(failure.args[0]) in text.split() for text in texts)


def test_google_is_reached_by_its_own_address() -> None:
    """Without an emulator the connection is made to Google's servers, with credentials; nothing is sent to open it."""
    wire = Wire("lockstep-test", credentials=AnonymousCredentials())

    assert wire.name("feeds/a/b") == "projects/lockstep-test/databases/(default)/documents/feeds/a.1b"
    wire.close()


def test_no_server_is_later() -> None:
    """Where nobody listens a read and a commit are to be repeated: nothing was sent."""
    with ExitStack() as open_:
        store = store_in("nobody", "127.0.0.1:9", ManualClock(NOON), open_)

        with pytest.raises(Later):
            store.get("feeds/a")
        with pytest.raises(Later):
            store.commit(Put("feeds/a", {}, None))


def test_a_closed_store_is_later() -> None:
    """What comes in while the process ends is to be repeated."""
    with ExitStack() as open_:
        store = store_in(new_project(), emulator().address, ManualClock(NOON), open_)
        store.close()

        for call in (lambda: store.get("a/b"), lambda: store.commit(Put("a/b", {}, None)), lambda: store.query("a")):
            with pytest.raises(Later):
                call()


def test_an_emulator_goes_away_and_comes_back(tmp_path: Path) -> None:
    """Calls fail while it is away, and succeed over the same connection when it is back, with what it had kept."""
    with ExitStack() as open_:
        first = open_.enter_context(started(tmp_path))
        store = store_in("lockstep-test", first.address, ManualClock(NOON), open_)
        store.commit(Put("feeds/a", {"n": 1}, None), Put("feeds/b", {"n": 2}, None))
        first.keep("lockstep-test")
        store.commit(Put("feeds/lost", {"n": 3}, None))
        first.kill()
        with pytest.raises((Later, OutcomeUnknown)):
            store.commit(Put("feeds/c", {}, None))
        with pytest.raises(Later):
            store.get("feeds/a")

        open_.enter_context(started(tmp_path, int(first.address.rpartition(":")[2])))

        kept = until_it_answers(store)
        assert [(document.key, document.data) for document in kept] == [("feeds/a", {"n": 1}), ("feeds/b", {"n": 2})]
        assert store.commit(Put("feeds/a", {"n": 3}, kept[0].version))


@contextmanager
def started(folder: Path, port: int = 0) -> Iterator[Emulator]:
    """An emulator of the test's own; skips it where there is none."""
    needs_emulator()
    one = Emulator(folder, port=port)
    one.start()
    try:
        yield one
    finally:
        one.stop()


def until_it_answers(store: FirestoreStore) -> list[Document]:
    """The first answer: the feeds by n."""
    for _ in range(50):
        try:
            return store.query("feeds", [Where("n", ">", 0)], order_by="n")
        except Later:
            continue
    raise AssertionError("it did not come back")


def test_an_sdk_without_the_emulator_is_told(tmp_path: Path) -> None:
    """Whoever lacks the component reads its name; of several places the first that has it counts."""
    with pytest.raises(Missing, match="component cloud-firestore-emulator"):
        find_jar(sdks=[tmp_path])
    jar = tmp_path / "b" / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()

    assert find_jar(sdks=[tmp_path / "a", tmp_path / "b"]) == jar


def test_a_jar_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Whoever sets it wrongly reads which setting that was."""
    with pytest.raises(Missing, match="LOCKSTEP_FIRESTORE_JAR"):
        find_jar(tmp_path / "none.jar")


# ---- ids and indexes -------------------------------------------------------------------------

ids = st.text(
    st.sampled_from("./_-\x00\x01\x02a0Ää😀") | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12
)


@given(ids, ids)
def test_ids_come_back_and_keep_their_order(one: str, other: str) -> None:
    """What Firestore is given for an id is one that it takes, in the order of the texts."""
    given_one, given_other = document_id(one), document_id(other)

    assert text_of(given_one) == one
    assert (given_one < given_other) == (one < other)
    assert "/" not in given_one
    assert given_one not in {".", ".."}
    assert not re.fullmatch(r"__.*__", given_one, re.DOTALL)


def test_a_query_without_an_index_is_refused() -> None:
    """The emulator answers it, production would not: with the declared indexes it is a clear mistake."""
    with ExitStack() as open_:
        wire = Losing(new_project())
        store = FirestoreStore(wire, ManualClock(NOON), new_mark=new_mark, pause=lambda: None, indexes=declared())
        open_.callback(store.close)

        assert store.query("ledger", [Where("feed", "==", "f"), Where("due", ">", 0)], order_by="due") == []
        with pytest.raises(ValueError, match="ledger: meeting and due"):
            store.query("ledger", [Where("meeting", "==", "m")], order_by="due")

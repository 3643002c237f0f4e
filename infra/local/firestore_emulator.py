"""Google's Firestore emulator on loopback; https://cloud.google.com/firestore/docs/emulator.

It keeps its documents in memory. Ended in order it leaves them in its folder, from which the next start takes them; a
killed one loses what came since. Nothing here needs the cloud: of the SDK only the emulator's jar is used.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

READY_WITHIN = 30.0
"""Seconds; it needs one or two, a machine at its limit may need more."""
PATIENCE = 10.0

_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
_JAVA = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en")
_KEPT = "kept"
_PAUSE = 0.05
_TRIES = 3


class Missing(Exception):
    """The emulator cannot run here; the text says what is not installed."""


def find_jar(given: Path | None = None, *, sdks: Iterable[Path] | None = None) -> Path:
    """The emulator's jar: the given one, or that of the Google Cloud SDK in one of `sdks`. Raises Missing."""
    if given is not None:
        if not given.is_file():
            raise Missing(f"there is no Firestore emulator at {given} (setting LOCKSTEP_FIRESTORE_JAR)")
        return given
    jars = (sdk / _JAR for sdk in (_sdks() if sdks is None else sdks))
    found = next(filter(Path.is_file, jars), None)
    if found is None:
        raise Missing("the Google Cloud SDK with its component cloud-firestore-emulator is not installed")
    return found


def _sdks() -> Iterator[Path]:
    """Where the Google Cloud SDK may be."""
    named, gcloud = os.environ.get("CLOUDSDK_ROOT_DIR"), shutil.which("gcloud")
    if named:
        yield Path(named)
    if gcloud:
        yield Path(gcloud).resolve().parents[1]


def find_java() -> Path:
    """The Java to run it with. Raises Missing."""
    found = shutil.which("java")
    if found is None:
        raise Missing("no Java is installed (Debian package openjdk-17-jre-headless)")
    return Path(found)


class Emulator:
    """One emulator with its folder; a port of 0 is chosen freely. Projects of any name live in it side by side."""

    def __init__(self, folder: Path, *, port: int = 0, jar: Path | None = None) -> None:
        self._folder = folder
        self._given = port
        self._port = 0
        self._command = [str(find_java()), *_JAVA, "-cp", str(find_jar(jar)), _MAIN, "--host", "127.0.0.1"]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        """Where it is, as host:port."""
        return f"127.0.0.1:{self._port}"

    @property
    def exit_code(self) -> int | None:
        """How it ended by itself; None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start with what the last one left and wait until it answers. Raises RuntimeError if it does not."""
        for _ in range(_TRIES):
            # A free port may be taken by another before the emulator binds it: then try others.
            self._port = self._given or _free_port()
            self._spawn()
            if self._ready():
                return
            self.kill()
        raise RuntimeError(f"the Firestore emulator does not answer; see {self._log}")

    def keep(self, project: str) -> None:
        """Leave the documents of this project's default database for the next start. Raises RuntimeError."""
        keep(self.address, self._folder, project)

    def stop(self) -> None:
        """End it; it takes a moment to do so in order."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _log(self) -> Path:
        return self._folder / "emulator.log"

    def _spawn(self) -> None:
        kept = next((self._folder / _KEPT).glob("*.overall_export_metadata"), None)
        last = ["--import-data", str(kept)] if kept else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the Java found on PATH, no shell
                [*_dying_with_us(), *self._command, "--port", str(self._port), *last],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,  # Ctrl-C in a terminal is for us, who then stop it in order
            )

    def _ready(self) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        with httpx.Client(timeout=1.0, follow_redirects=False, trust_env=False) as client:
            while self.exit_code is None and time.monotonic() < deadline:
                if _answers(client, f"http://{self.address}/"):
                    return True
                time.sleep(_PAUSE)
        return False


def keep(address: str, folder: Path, project: str) -> None:
    """Leave the documents of the emulator at host:port for the next start from its folder. Raises RuntimeError."""
    draft, kept = folder / "draft", folder / _KEPT
    shutil.rmtree(draft, ignore_errors=True)
    database = f"projects/{project}/databases/(default)"
    wanted = {"database": database, "export_directory": str(folder), "export_name": draft.name}
    try:
        with httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=False) as client:
            client.post(f"http://{address}/emulator/v1/projects/{project}:export", json=wanted).raise_for_status()
    except httpx.HTTPError as error:
        raise RuntimeError("the Firestore emulator did not export its documents") from error
    # Only a whole export takes the place of the last one.
    shutil.rmtree(kept, ignore_errors=True)
    draft.rename(kept)


@contextmanager
def running(folder: Path, *, port: int = 0, jar: Path | None = None) -> Iterator[Emulator]:
    """A started emulator, ended with the block. Raises Missing or RuntimeError if it cannot run."""
    emulator = Emulator(folder, port=port, jar=jar)
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()


def _dying_with_us() -> list[str]:
    """What stands before the command, so that the kernel ends it when its parent is killed, where it can."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).text.strip() == "Ok"
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

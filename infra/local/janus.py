"""A Janus server of our own on loopback, with its own folder (https://janus.conf.meetecho.com/docs/deploy.html)."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template

import httpx
import msgspec

from conference.decoding import from_json
from infra.local.secret_file import secret_in

READY_WITHIN = 10.0
"""Janus needs a tenth of a second; a machine at its limit may need some."""

_TRIES = 3
_PAUSE = 0.02
_FOLDERS = ("/usr/lib/*/janus", "/usr/lib/janus", "/usr/local/lib/janus", "/opt/janus/lib/janus")

_CORE = Template("""general: {
  configs_folder = "$etc"
  plugins_folder = "$lib/plugins"
  transports_folder = "$lib/transports"
  events_folder = "$lib/events"
  loggers_folder = "$lib/loggers"
  debug_level = 3
  server_name = "$name"
  api_secret = "$api"
  admin_secret = "$admin"
  token_auth = true
  token_auth_secret = "$token"
}
nat: { ice_enforce_list = "127.0.0.1" }
media: { rtp_port_range = "20000-20500" }
plugins: { disable = "$plugins" }
transports: { disable = "$transports" }
loggers: { disable = "libjanus_jsonlog.so" }
events: { broadcast = false }
""")

_HTTP = Template("""general: {
  json = "compact"; base_path = "/janus"; http = true; port = $api_port; ip = "127.0.0.1"; https = false
}
admin: {
  admin_base_path = "/admin"; admin_http = true; admin_port = $admin_port; admin_ip = "127.0.0.1"; admin_https = false
}
""")

_ROOMS = Template("""general: { admin_key = "$room"; string_ids = true; lock_rtp_forward = true }
""")

_OTHER_PLUGINS = (
    "audiobridge",
    "duktape",
    "echotest",
    "lua",
    "nosip",
    "recordplay",
    "sip",
    "streaming",
    "textroom",
    "videocall",
    "voicemail",
)
_OTHER_TRANSPORTS = ("mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets")


class Secrets(msgspec.Struct, frozen=True):
    """The server's secrets, one for each job.

    `admin` opens the admin API, `room` creates rooms, `seed` makes each room's own secret, `token` signs what browsers
    get, `api` is for servers that speak the session API.
    """

    api: str
    admin: str
    room: str
    token: str
    seed: str


def find_binary() -> Path | None:
    """The janus binary, if it is installed with its plugins."""
    found = shutil.which("janus")
    return Path(found) if found and _library() else None


class Janus:
    """One server with its folder; rooms survive `stop`, `kill` and the next `start`. Ports of 0 are chosen freely."""

    def __init__(self, state: Path, *, api_port: int = 0, admin_port: int = 0) -> None:
        self._state, self._etc = state, state / "etc"
        self._given = api_port, admin_port
        self._api_port = self._admin_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._etc.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.secrets = _secrets(state / "secrets.json")

    @property
    def admin_url(self) -> str:
        """Where the admin API is."""
        return f"http://127.0.0.1:{self._admin_port}/admin"

    @property
    def api_url(self) -> str:
        """Where browsers find it."""
        return f"http://127.0.0.1:{self._api_port}/janus"

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until it answers. Raises RuntimeError if it does not, or is not installed."""
        binary, library = find_binary(), _library()
        if binary is None or library is None:
            raise RuntimeError("janus is not installed (Debian package janus)")
        self._stop_leftover()
        for _ in range(_TRIES):
            # A free port may be taken by another before Janus binds it: then try others.
            self._api_port, self._admin_port = (given or _free_port() for given in self._given)
            self._configure(library)
            self._spawn(binary)
            if self._ready():
                return
            self.kill()
        raise RuntimeError(f"janus does not answer; see {self._state / 'janus.log'}")

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(READY_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        (self._state / "pid").unlink(missing_ok=True)

    def _stop_leftover(self) -> None:
        """End the server that an earlier run, killed before it could, has left behind."""
        with suppress(OSError, ValueError):
            pid = int((self._state / "pid").read_text())
            deadline = time.monotonic() + READY_WITHIN
            # The number may by now belong to another process: ours has our folder among its arguments.
            while str(self._etc).encode() in _command_line(pid) and time.monotonic() < deadline:
                os.kill(pid, signal.SIGKILL)
                time.sleep(_PAUSE)

    def _configure(self, library: Path) -> None:
        values = {
            **msgspec.structs.asdict(self.secrets),
            "etc": self._etc,
            "lib": library,
            "name": self._server_name,
            "plugins": ",".join(f"libjanus_{name}.so" for name in _OTHER_PLUGINS),
            "transports": ",".join(f"libjanus_{name}.so" for name in _OTHER_TRANSPORTS),
            "api_port": self._api_port,
            "admin_port": self._admin_port,
        }
        _write(self._etc / "janus.jcfg", _CORE.substitute(values))
        _write(self._etc / "janus.transport.http.jcfg", _HTTP.substitute(values))
        rooms = self._etc / "janus.plugin.videoroom.jcfg"
        if not rooms.exists():
            # Janus keeps its permanent rooms in this file: it is written once and then left alone.
            _write(rooms, _ROOMS.substitute(values))

    @property
    def _server_name(self) -> str:
        return f"lockstep-{self.secrets.api[:8]}"

    def _spawn(self, binary: Path) -> None:
        with (self._state / "janus.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the binary found on PATH, no shell
                [binary, "-F", self._etc, "--disable-colors"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                umask=0o077,
                start_new_session=True,  # Ctrl-C in a terminal is for us, who then stop it in order
            )
        (self._state / "pid").write_text(str(self._process.pid))

    def _ready(self) -> bool:
        process = self._process
        deadline = time.monotonic() + READY_WITHIN
        with httpx.Client(timeout=1.0, trust_env=False) as client:
            while process is not None and time.monotonic() < deadline:
                if self._answers(client):
                    return True
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PAUSE)
                    return False
        return False

    def _answers(self, client: httpx.Client) -> bool:
        status = {"janus": "get_status", "transaction": "ready", "admin_secret": self.secrets.admin}
        try:
            name = client.get(f"{self.api_url}/info").json().get("server-name")
            admin = client.post(self.admin_url, json=status).json().get("janus")
            return bool(name == self._server_name and admin == "success")
        except (httpx.HTTPError, ValueError):
            return False


@contextmanager
def running(state: Path, *, api_port: int = 0, admin_port: int = 0) -> Iterator[Janus]:
    """A started server, stopped at the end of the block. Raises RuntimeError if it does not come up."""
    server = Janus(state, api_port=api_port, admin_port=admin_port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _library() -> Path | None:
    for pattern in _FOLDERS:
        for folder in Path("/").glob(pattern.removeprefix("/")):
            if (folder / "plugins" / "libjanus_videoroom.so").exists():
                return folder
    return None


def _secrets(path: Path) -> Secrets:
    """The secrets in the file, made at the first start."""
    return from_json(Secrets)(secret_in(path, _made))


def _made() -> bytes:
    return msgspec.json.encode(Secrets(*(secrets.token_urlsafe(24) for _ in Secrets.__struct_fields__)))


def _write(path: Path, text: str) -> None:
    """Put the text into the file, which only its owner may read, all of it or nothing."""
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()

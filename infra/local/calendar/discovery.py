"""Google's own description of the API drives routing and the checks of parameters and bodies.

Authority: the discovery document `calendar.v3`, as google-api-python-client ships it.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from infra.local.calendar.messages import Json


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API, by its discovery id such as `calendar.events.list`."""

    id: str
    http_method: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Json]
    body: str | None  # the schema of the request's body
    answer: str | None  # the schema of the answer
    scopes: tuple[str, ...]  # any one of them admits a caller
    required: tuple[str, ...]  # the query parameters that must be given


@dataclass(frozen=True, slots=True)
class Discovery:
    """The whole document, arranged for look-ups."""

    methods: Mapping[tuple[str, int], tuple[Method, ...]]  # by HTTP method and number of path segments
    schemas: Mapping[str, Json]
    scopes: Mapping[str, str]  # by scope, what it lets an application do

    def route(self, http_method: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method that serves `path` (below /calendar/v3/) and its path parameters; None if there is none."""
        for method in self.methods.get((http_method, path.count("/")), ()):
            if found := method.pattern.fullmatch(path):
                return method, found.groupdict()
        return None


@functools.cache
def discovery() -> Discovery:
    """The document of the installed client, read once."""
    folder = importlib.resources.files("googleapiclient.discovery_cache")
    document = msgspec.json.decode((folder / "documents" / "calendar.v3.json").read_bytes(), type=dict)
    by_shape: dict[tuple[str, int], list[Method]] = {}
    for raw in _methods(document):
        method = _method(raw, document["parameters"])
        by_shape.setdefault((method.http_method, raw["path"].count("/")), []).append(method)
    # Of two paths of one length, the one with fewer parameters is the more precise.
    arranged = {shape: tuple(sorted(found, key=lambda m: m.pattern.groups)) for shape, found in by_shape.items()}
    scopes = {name: about["description"] for name, about in document["auth"]["oauth2"]["scopes"].items()}
    return Discovery(arranged, document["schemas"], scopes)


def _methods(resource: Json) -> Iterator[Json]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _method(raw: Json, common: Mapping[str, Json]) -> Method:
    parameters = {**common, **raw.get("parameters", {})}
    return Method(
        raw["id"],
        raw["httpMethod"],
        re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", raw["path"])),
        parameters,
        raw.get("request", {}).get("$ref"),
        raw.get("response", {}).get("$ref"),
        tuple(raw["scopes"]),
        tuple(name for name, schema in parameters.items() if schema.get("required") and schema["location"] == "query"),
    )

"""The deployed functions, by name; what each does stands in `functions`, who may call it in `functions.http`."""

import functions_framework
from flask import Request, Response

from functions import http
from infra.wiring import door


@functions_framework.http
def calendar_notification(request: Request) -> Response:
    """Called by Google's push."""
    return http.calendar_notification(door(), request)


@functions_framework.http
def sync_calendar(request: Request) -> Response:
    """Called by Cloud Tasks."""
    return http.sync_calendar(door(), request)


@functions_framework.http
def reconcile_event(request: Request) -> Response:
    """Called by Cloud Tasks."""
    return http.reconcile_event(door(), request)


@functions_framework.http
def patch_event(request: Request) -> Response:
    """Called by Cloud Tasks."""
    return http.patch_event(door(), request)


@functions_framework.http
def connect_calendar(request: Request) -> Response:
    """Called by Cloud Tasks."""
    return http.connect_calendar(door(), request)


@functions_framework.http
def run_trigger(request: Request) -> Response:
    """Called by Cloud Tasks."""
    return http.run_trigger(door(), request)


@functions_framework.http
def tick(request: Request) -> Response:
    """Called by Cloud Scheduler, every minute."""
    return http.tick(door(), request)


@functions_framework.http
def provider_webhook(request: Request) -> Response:
    """Called by conference vendors."""
    return http.provider_webhook(door(), request)


@functions_framework.http
def addon(request: Request) -> Response:
    """Called by Google Workspace."""
    return http.addon(door(), request)

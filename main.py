"""The deployed functions, by name; what each does stands in `functions`, who may call it in `functions.http`.

Each imports its part at its first call: whoever starts to answer a notice does not wait for what tasks need.
"""

import functions_framework
from flask import Request, Response


@functions_framework.http
def calendar_notification(request: Request) -> Response:
    """Called by Google's push."""
    from functions.http import notices
    from infra import edge

    return notices.calendar_notification(edge.standing(), request)


@functions_framework.http
def sync_calendar(request: Request) -> Response:
    """Called by Cloud Tasks."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.sync_calendar(door(), request)


@functions_framework.http
def reconcile_event(request: Request) -> Response:
    """Called by Cloud Tasks."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.reconcile_event(door(), request)


@functions_framework.http
def patch_event(request: Request) -> Response:
    """Called by Cloud Tasks."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.patch_event(door(), request)


@functions_framework.http
def connect_calendar(request: Request) -> Response:
    """Called by Cloud Tasks."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.connect_calendar(door(), request)


@functions_framework.http
def run_trigger(request: Request) -> Response:
    """Called by Cloud Tasks."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.run_trigger(door(), request)


@functions_framework.http
def tick(request: Request) -> Response:
    """Called by Cloud Scheduler, every minute."""
    from functions.http import tasks
    from infra.wiring import door

    return tasks.tick(door(), request)


@functions_framework.http
def provider_webhook(request: Request) -> Response:
    """Called by conference vendors."""
    from functions.http import webhooks
    from infra.wiring import door

    return webhooks.provider_webhook(door(), request)


@functions_framework.http
def addon(request: Request) -> Response:
    """Called by Google Workspace."""
    from functions.http import addon as workspace
    from infra.wiring import door

    return workspace.addon(door(), request)


@functions_framework.http
def consent(request: Request) -> Response:
    """Called by browsers."""
    from functions.http import consent as people
    from infra.wiring import door

    return people.consent(door(), request)

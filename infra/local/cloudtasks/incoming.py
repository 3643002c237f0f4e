"""What a task to be created must be like, and what is filled in.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#task and #httprequest
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from google.cloud import tasks_v2

from infra.local.cloudtasks.limits import retries
from infra.local.cloudtasks.names import invalid, split_task, unserved

LARGEST_TASK = 100 * 1024
LARGEST_HEADERS = 80 * 1024
LONGEST_URL = 2083
FARTHEST = timedelta(days=30)
SHORTEST_CALL, LONGEST_CALL, USUAL_CALL = timedelta(seconds=15), timedelta(minutes=30), timedelta(minutes=10)

_Method = tasks_v2.HttpMethod
_WITH_BODY = {_Method.POST, _Method.PUT, _Method.PATCH}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = re.compile(r"(?i)host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudtasks-.*")
_ACCOUNT = re.compile(r"[^\s@/]+@[^\s@/]+")


def accepted(queue: str, asked: tasks_v2.Task, now: datetime, new_id: str) -> tasks_v2.Task:
    """The task as it will stand in the queue; `new_id` is its id if it brings no name. Raises Refusal."""
    if len(tasks_v2.Task.serialize(asked)) > LARGEST_TASK:
        raise invalid("The task is larger than 100KB")
    if "app_engine_http_request" in asked:
        raise unserved("App Engine tasks")
    task = tasks_v2.Task(
        name=asked.name or f"{queue}/tasks/{new_id}",
        http_request=_request(asked.http_request),
        schedule_time=_due(asked, now),
        create_time=now.replace(microsecond=0),
        dispatch_deadline=_deadline(asked),
    )
    if split_task(task.name)[0] != queue:
        raise invalid("The task's name must lie in the queue it is added to")
    if "retry_config" in asked:
        task.retry_config = retries(asked.retry_config)
    return task


def _request(asked: tasks_v2.HttpRequest) -> tasks_v2.HttpRequest:
    method = asked.http_method or _Method.POST
    _check_url(asked.url)
    if asked.body and method not in _WITH_BODY:
        raise invalid("A body is allowed with POST, PUT and PATCH only")
    if asked.oauth_token:
        raise unserved("OAuth tokens")
    request = tasks_v2.HttpRequest(url=asked.url, http_method=method, headers=_headers(asked), body=asked.body)
    if asked.oidc_token:
        if not _ACCOUNT.fullmatch(asked.oidc_token.service_account_email):
            raise invalid("oidc_token.service_account_email must be the address of a service account")
        request.oidc_token = asked.oidc_token
    return request


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fit = False
    if not fit or re.search(r"[\s\x00-\x1f]", url):
        raise invalid("http_request.url must be the address of an http or https target")
    if len(quote(url, safe=":/?#[]@!$&'()*+,;=%")) > LONGEST_URL:
        raise invalid("http_request.url must be at most 2083 characters")


def _headers(asked: tasks_v2.HttpRequest) -> dict[str, str]:
    headers = dict(asked.headers)
    if sum(len(name.encode()) + len(value.encode()) for name, value in headers.items()) >= LARGEST_HEADERS:
        raise invalid("The headers must be less than 80KB")
    if any(not _HEADER.fullmatch(name) or re.search(r"[\x00\r\n]", value) for name, value in headers.items()):
        raise invalid("A header is not valid")
    return {name: value for name, value in headers.items() if not _OURS.fullmatch(name)}


def _due(asked: tasks_v2.Task, now: datetime) -> datetime:
    due = asked.schedule_time if "schedule_time" in asked else now
    if due - now > FARTHEST:
        raise invalid("schedule_time must be at most 30 days ahead")
    return max(due, now)


def _deadline(asked: tasks_v2.Task) -> timedelta:
    deadline = asked.dispatch_deadline if "dispatch_deadline" in asked else USUAL_CALL
    if not SHORTEST_CALL <= deadline <= LONGEST_CALL:
        raise invalid("dispatch_deadline must be between 15 seconds and 30 minutes")
    return deadline


def shown(task: tasks_v2.Task, view: tasks_v2.Task.View) -> tasks_v2.Task:
    """The task as an answer shows it: its body in the full view only."""
    full = view == tasks_v2.Task.View.FULL
    task.view = tasks_v2.Task.View(2 if full else 1)
    if not full:
        task.http_request.body = b""
    return task

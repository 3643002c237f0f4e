"""acl.*: the rules that say who may do what with a calendar; only its owners see and change them.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/acl (contract 11)
"""

from __future__ import annotations

import re

from infra.local.calendar.access import SCOPES, put_rule, rule_id
from infra.local.calendar.calendar import ROLES, Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.collection import Entry, rules_of
from infra.local.calendar.errors import ApiError, invalid, not_found, required
from infra.local.calendar.lists import answered, check_beside_token, listed
from infra.local.calendar.messages import Json, Response, no_content

MOST_RULES = 6000
_ADDRESS = re.compile(r"[^\s@/:]+@[^\s@/:]+")
_DOMAIN = re.compile(r"[^\s@/:]+")


def list_rules(call: Call) -> Response:
    """acl.list: a rule that was taken away has the role `none`, and is told with a token or when asked for."""
    calendar = call.calendar("owner")
    check_beside_token(call, not_false=("showDeleted",))
    tells = "syncToken" in call.parameters or bool(call.parameters.get("showDeleted"))
    rules = call.world.collection(rules_of(calendar.id))
    return listed(call, rules, "calendar#acl", lambda rule: _shown(rule) if tells or not rule.gone else None)


def get_rule(call: Call) -> Response:
    """acl.get."""
    return answered(call, _shown(_found(call, call.calendar("owner"))))


def insert(call: Call) -> Response:
    """acl.insert: gives a role to a scope; a rule that the scope has already is replaced."""
    calendar = call.calendar("owner")
    if not call.body.get("role"):
        raise required(location="role")
    if not call.body.get("scope"):
        raise required(location="scope")
    scope, role = _scope(call.body["scope"]), _role(call.body["role"])
    rules = call.world.collection(rules_of(calendar.id))
    if rules.get(rule_id(scope)) is None and sum(not rule.gone for rule in rules.all()) >= MOST_RULES:
        raise ApiError(403, "quotaExceeded", "Calendar usage limits exceeded.", domain="usageLimits")
    return _put(call, calendar, scope, role)


def patch(call: Call) -> Response:
    """acl.patch: changes the role; the scope of a rule stays."""
    calendar = call.calendar("owner")
    rule = _found(call, calendar)
    return _change(call, calendar, rule, call.body.get("role") or rule.value["role"])


def update(call: Call) -> Response:
    """acl.update: like a patch, but scope and role must be sent."""
    calendar = call.calendar("owner")
    rule = _found(call, calendar)
    for name in ("scope", "role"):
        if not call.body.get(name):
            raise required(location=name)
    return _change(call, calendar, rule, call.body["role"])


def delete(call: Call) -> Response:
    """acl.delete: nobody is told of it by mail, but lists with a token tell it."""
    calendar = call.calendar("owner")
    rule = _found(call, calendar)
    call.check_if_match(_etag(rule))
    _check_whose(call, calendar, rule.id)
    put_rule(call.world, calendar, rule.value["scope"], "none")
    return no_content()


def _found(call: Call, calendar: Calendar) -> Entry:
    rule = call.world.collection(rules_of(calendar.id)).get(call.path["ruleId"].lower())
    if rule is None:
        raise not_found()
    return rule


def _change(call: Call, calendar: Calendar, rule: Entry, role: str) -> Response:
    call.check_if_match(_etag(rule))
    scope = call.body.get("scope")
    if scope and rule_id(_scope(scope)) != rule.id:
        raise invalid("The scope of a rule cannot be changed.", "scope")
    return _put(call, calendar, rule.value["scope"], _role(role))


def _put(call: Call, calendar: Calendar, scope: Json, role: str) -> Response:
    """Write the rule unless it is in force already: then no etag moves (contract 7.9)."""
    known = call.world.collection(rules_of(calendar.id)).get(rule_id(scope))
    if known is not None and known.value["role"] == role:
        return answered(call, _shown(known))
    _check_whose(call, calendar, rule_id(scope))
    if known is None and role == "none":
        raise invalid("Invalid role.", "role")
    return answered(call, _shown(put_rule(call.world, calendar, scope, role)))


def _check_whose(call: Call, calendar: Calendar, rule: str) -> None:
    """Nobody changes their own access, and nobody lowers the data owner's."""
    if rule == f"user:{call.user}":
        raise ApiError(403, "cannotChangeOwnAcl", "Cannot change your own access level.", domain="calendar")
    if rule == f"user:{calendar.about.owner}":
        message = "Cannot change the access level of the calendar's data owner."
        raise ApiError(403, "cannotChangeOwnerAcl", message, domain="calendar")


def _role(role: str) -> str:
    if role not in ROLES:
        raise invalid("Invalid role.", "role")
    return role


def _scope(scope: Json) -> Json:
    """The scope in the form in which it is kept. Raises ApiError 400."""
    kind, value = scope.get("type") or "default", scope.get("value") or ""
    if kind not in SCOPES:
        raise invalid("Invalid scope type.", "scope.type")
    if kind == "default":
        return {"type": "default"}
    if not value:
        raise required(location="scope.value")
    if not (_DOMAIN if kind == "domain" else _ADDRESS).fullmatch(value):
        raise ApiError(400, "invalidScopeValue", "Invalid scope value.", domain="calendar", location="scope.value")
    return {"type": kind, "value": value.lower()}


def _shown(rule: Entry) -> Json:
    role = "none" if rule.gone else rule.value["role"]
    scope = rule.value["scope"]
    return {"kind": "calendar#aclRule", "etag": _etag(rule), "id": rule.id, "scope": scope, "role": role}


def _etag(rule: Entry) -> str:
    return f'"{2 * rule.stamp}"'

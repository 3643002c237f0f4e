"""Apps Script's installable triggers and services in Python: `from functions import script`.

Authority: https://developers.google.com/apps-script/reference/script
"""

from __future__ import annotations

from functions.script import conferences as conferences
from functions.script.authorization import get_authorization_info as get_authorization_info
from functions.script.authorization import get_identity_token as get_identity_token
from functions.script.authorization import get_installation_source as get_installation_source
from functions.script.authorization import get_oauth_token as get_oauth_token
from functions.script.authorization import get_script_id as get_script_id
from functions.script.authorization import get_service as get_service
from functions.script.authorization import invalidate_auth as invalidate_auth
from functions.script.authorization import require_all_scopes as require_all_scopes
from functions.script.authorization import require_scopes as require_scopes
from functions.script.cache import Cache as Cache
from functions.script.cache import get_document_cache as get_document_cache
from functions.script.cache import get_script_cache as get_script_cache
from functions.script.cache import get_user_cache as get_user_cache
from functions.script.calendar_collections import Calendar as Calendar
from functions.script.clock_builder import ClockTriggerBuilder as ClockTriggerBuilder
from functions.script.clock_event import ClockEvent as ClockEvent
from functions.script.conference_data import ConferenceData as ConferenceData
from functions.script.conference_data import new_conference_data_builder as new_conference_data_builder
from functions.script.conference_data import new_conference_error as new_conference_error
from functions.script.conference_data import new_conference_parameter as new_conference_parameter
from functions.script.context import as_user as as_user
from functions.script.context import in_document as in_document
from functions.script.context import running as running
from functions.script.entry_point import new_entry_point as new_entry_point
from functions.script.enums import AuthMode as AuthMode
from functions.script.enums import AuthorizationStatus as AuthorizationStatus
from functions.script.enums import ConferenceErrorType as ConferenceErrorType
from functions.script.enums import EntryPointFeature as EntryPointFeature
from functions.script.enums import EntryPointType as EntryPointType
from functions.script.enums import EventType as EventType
from functions.script.enums import InstallationSource as InstallationSource
from functions.script.enums import TriggerSource as TriggerSource
from functions.script.enums import TriggerStatus as TriggerStatus
from functions.script.enums import WeekDay as WeekDay
from functions.script.errors import AuthorizationRequired as AuthorizationRequired
from functions.script.errors import BadArgument as BadArgument
from functions.script.errors import BadValue as BadValue
from functions.script.errors import CalendarApiError as CalendarApiError
from functions.script.errors import HandlerNotFound as HandlerNotFound
from functions.script.errors import InvalidConference as InvalidConference
from functions.script.errors import InvalidTrigger as InvalidTrigger
from functions.script.errors import LockTimeout as LockTimeout
from functions.script.errors import NotRunning as NotRunning
from functions.script.errors import NoUser as NoUser
from functions.script.errors import QuotaExceeded as QuotaExceeded
from functions.script.errors import ScriptError as ScriptError
from functions.script.errors import TooLarge as TooLarge
from functions.script.errors import TooManyTriggers as TooManyTriggers
from functions.script.limits import Limits as Limits
from functions.script.lock import Lock as Lock
from functions.script.lock import get_document_lock as get_document_lock
from functions.script.lock import get_script_lock as get_script_lock
from functions.script.lock import get_user_lock as get_user_lock
from functions.script.project import Project as Project
from functions.script.project import SolutionLook as SolutionLook
from functions.script.properties import Properties as Properties
from functions.script.properties import get_document_properties as get_document_properties
from functions.script.properties import get_script_properties as get_script_properties
from functions.script.properties import get_user_properties as get_user_properties
from functions.script.registry import Registry as Registry
from functions.script.schedule import Overlap as Overlap
from functions.script.state_token import new_state_token as new_state_token
from functions.script.state_token import redeem_state_token as redeem_state_token

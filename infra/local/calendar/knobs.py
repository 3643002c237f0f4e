"""What is not settled about Google's behaviour, or what a test may want otherwise; defaults are the contract's.

Authority: contract 3.2, 3.3, 4.2, 7.9, 8.2, 9.1, 14 and 16
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Limit = Annotated[int, msgspec.Meta(ge=0)]  # 0: none
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Wait = Annotated[float, msgspec.Meta(ge=0, le=86_400_000)]


class Knobs(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """How the server answers where the contract leaves it open."""

    tombstones: Literal["mixed", "bare", "minimum", "full"] = "mixed"  # in incremental lists (4.2)
    show_deleted_false: Literal["refuse", "bare"] = "refuse"  # beside a token (3.3)
    token_after_updated_min: bool = False  # (3.2)
    token_after_search: bool = False  # after q, iCalUID, extended properties (3.2)
    no_op_moves_etag: bool = False  # (7.9)
    create_request: Literal["success", "pending", "failure"] = "success"  # pending succeeds later (8.2)
    pending_seconds: Wait = 1.0  # how long a pending create request takes
    page_limit: Annotated[int, msgspec.Meta(ge=1, le=2500)] = 2500  # rows looked at for one page
    empty_pages: Share = 0.0  # share of list pages that come empty, with a nextPageToken
    plain_http_push: bool = False  # allow http:// addresses that are not loopback
    role_change_expires_tokens: bool = False  # (3.4, Q10)
    not_exists: bool = False  # tell the channels of a deleted calendar so (9.2.2, Q13)
    admins: list[str] = []  # Workspace administrators, who may transfer calendars (11)
    per_minute: Limit = 0  # quota per user and minute, a patch counts 3; Google's is 600 (10.4)
    per_minute_per_project: Limit = 0  # the same for all users together; Google's is 10,000
    quota_status: Literal[403, 429] = 403  # what a spent quota is answered with
    batch_limit: Annotated[int, msgspec.Meta(ge=1)] = 1000  # parts; 50 is what other sources say (10.4)
    exceptions_first: bool = False  # lists run from the newest to the oldest (5.4)
    property_filter: Literal["all", "any"] = "all"  # of repeated extended properties (2.1)
    refuse_unknown_parameters: bool = False  # Google passes them over


class PushFaults(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to push messages on their way; shares are drawn from the server's seeded randomness."""

    loss: Share = 0.0
    drop_next: Limit = 0  # so many messages are lost for certain
    duplicate: Share = 0.0
    reorder: Share = 0.0
    delay_ms: Wait = 0.0
    silent: bool = False

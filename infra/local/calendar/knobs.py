"""What is not settled about Google's behaviour, or what a test may want otherwise; defaults are the contract's.

Authority: contract 3.2, 3.3, 4.2, 7.9, 8.2, 9.1, 14 and 16
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Wait = Annotated[float, msgspec.Meta(ge=0, le=86_400_000)]


class Knobs(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """How the server answers where the contract leaves it open."""

    tombstones: Literal["mixed", "bare", "minimum", "full"] = "mixed"  # in incremental lists (4.2)
    show_deleted_false: Literal["refuse", "bare"] = "refuse"  # beside a token (3.3)
    token_after_updated_min: bool = False  # (3.2)
    token_after_search: bool = False  # after q, iCalUID, extended properties (3.2)
    no_op_moves_etag: bool = False  # (7.9)
    create_request: Literal["success", "failure"] = "success"  # (8.2)
    page_limit: Annotated[int, msgspec.Meta(ge=1, le=2500)] = 2500  # rows looked at for one page
    empty_pages: Share = 0.0  # share of list pages that come empty, with a nextPageToken
    plain_http_push: bool = False  # allow http:// addresses that are not loopback
    per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0  # quota per user and minute, a patch counts 3; 0: none (10.4)


class PushFaults(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to push messages on their way; shares are drawn from the server's seeded randomness."""

    loss: Share = 0.0
    duplicate: Share = 0.0
    reorder: Share = 0.0
    delay_ms: Wait = 0.0
    silent: bool = False

"""IB's error codes: what each means for an order, for a request, for the link.

Decided by code, never by text, which differs between builds and languages. A code that is not listed leaves
an order in doubt and ends a request with a refusal: the safe reading of each. The client library's own
reading (a fixed set of warnings, everything else cancels the local order) is never used.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from hydra.domain.evidence import ErrorMeaning

_REJECTED = (
    103,  # duplicate order id: this frame made no order
    106, 107,  # cannot transmit, incomplete
    109,  # price out of the precautionary range
    110,  # price off the minimum variation
    111,  # tif and order type incompatible
    200,  # no security definition
    201,  # rejected by IB or the exchange
    203,  # security not available for this account
    355,  # size off the market rule
    383, 388,  # size above or below the limit
    387,  # order type unsupported at this exchange
    391,  # good-till date invalid
    434,  # size zero
    463,  # price invalid
)  # fmt: skip
_CANCELLED = (202,)
_WARNING = (
    399,  # held until the next session
    404,  # held while shares are located
    481, 492,  # size or price adjusted notices
    10167,
    10311,  # direct routing
    10349,  # tif set by preset
)  # fmt: skip
_DOUBT = (
    104, 105,  # taken for a modify: an order of this id exists
    135, 136, 161, 10147, 10148,  # a cancel found nothing to cancel, or too late
    320, 321, 322,  # validation failed: of a placement, or of a cancel of a live order
)  # fmt: skip

ORDER_MEANINGS: Mapping[int, ErrorMeaning] = MappingProxyType(
    {
        **dict.fromkeys(_REJECTED, ErrorMeaning.REJECTED),
        **dict.fromkeys(_CANCELLED, ErrorMeaning.CANCELLED),
        **dict.fromkeys(_WARNING, ErrorMeaning.WARNING),
        **dict.fromkeys(_DOUBT, ErrorMeaning.DOUBT),
    }
)

_SYSTEM_NOTICES = range(2100, 2200)
# The request goes on; data may follow.
_ADVISORY_FOR_REQUEST = frozenset({399, 10089, 10090, 10167})


def order_meaning(code: int, overrides: Mapping[int, ErrorMeaning] | None = None) -> ErrorMeaning:
    """What the code says about the order whose id it carries; what nobody listed leaves it in doubt."""
    if overrides is not None and code in overrides:
        return overrides[code]
    if code in ORDER_MEANINGS:
        return ORDER_MEANINGS[code]
    return ErrorMeaning.WARNING if code in _SYSTEM_NOTICES else ErrorMeaning.DOUBT


def ends_request(code: int) -> bool:
    """Whether the code is the final answer to the request whose id it carries."""
    return code not in _ADVISORY_FOR_REQUEST and code not in _SYSTEM_NOTICES


class LinkNotice(StrEnum):
    """What a code without an id says about the way between the gateway, IB, and IB's data farms."""

    LOST = "LOST"
    RESTORED_DATA_LOST = "RESTORED_DATA_LOST"
    RESTORED = "RESTORED"
    SOCKET_RESET = "SOCKET_RESET"
    ID_IN_USE = "ID_IN_USE"
    RATE_EXCEEDED = "RATE_EXCEEDED"
    FARM_BROKEN = "FARM_BROKEN"
    FARM_OK = "FARM_OK"
    OTHER = "OTHER"


LINK_NOTICES: Mapping[int, LinkNotice] = MappingProxyType(
    {
        100: LinkNotice.RATE_EXCEEDED,
        326: LinkNotice.ID_IN_USE,
        1100: LinkNotice.LOST,
        1101: LinkNotice.RESTORED_DATA_LOST,
        1102: LinkNotice.RESTORED,
        1300: LinkNotice.SOCKET_RESET,
        2110: LinkNotice.LOST,
        2103: LinkNotice.FARM_BROKEN,
        2105: LinkNotice.FARM_BROKEN,
        2119: LinkNotice.FARM_BROKEN,
        2157: LinkNotice.FARM_BROKEN,
        2104: LinkNotice.FARM_OK,
        2106: LinkNotice.FARM_OK,
        2107: LinkNotice.FARM_OK,
        2108: LinkNotice.FARM_OK,
        2158: LinkNotice.FARM_OK,
    }
)


def link_notice(code: int) -> LinkNotice:
    """The code's class for the link; OTHER moves nothing."""
    return LINK_NOTICES.get(code, LinkNotice.OTHER)


def farm_of(text: str) -> str:
    """The farm a 21xx notice names after its last colon; empty where it names none."""
    return text.rpartition(":")[2].strip() if ":" in text else ""

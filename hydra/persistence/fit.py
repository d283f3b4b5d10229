"""Whether events fit the stream and the lease they are to be written under."""

from collections.abc import Sequence
from typing import Final

from hydra.domain.errors import BrokenLaw
from hydra.domain.events import (
    ChildSending,
    IntentDenied,
    ParentClosed,
    ParentEvent,
    ParentOpened,
    SessionPlanned,
)
from hydra.domain.ids import OWN_PREFIX
from hydra.ports import Lease

_OF_PARENT: Final = (SessionPlanned, IntentDenied, ParentOpened, ParentClosed)


def broken(detail: str) -> BrokenLaw:
    """The law that a ledger only grows, and only by events in their place."""
    return BrokenLaw("HY-900", law="of the append-only ledger", detail=detail)


def the_sending(lease: Lease, events: Sequence[ParentEvent]) -> ChildSending:
    """The one promise of a commit, under the lease it is sent under; BrokenLaw otherwise."""
    sendings = [event for event in events if isinstance(event, ChildSending)]
    if len(sendings) != 1:
        raise broken(f"{len(sendings)} ChildSending in one commit")
    (sending,) = sendings
    if (sending.client_id, sending.lease_epoch) != (lease.client_id, lease.epoch):
        raise broken(f"{sending.order_ref} names another lease than the one it is sent under")
    return sending


def require_owner(parent_id: str, events: Sequence[ParentEvent]) -> None:
    """BrokenLaw unless every event belongs to this parent's stream."""
    children = f"{OWN_PREFIX}{parent_id}-C"
    for event in events:
        if isinstance(event, _OF_PARENT):
            owner, is_own = event.parent_id, event.parent_id == parent_id
        else:
            owner, is_own = event.order_ref, event.order_ref.startswith(children)
        if not is_own:
            raise broken(f"a {type(event).__name__} of {owner} for the stream {parent_id}")

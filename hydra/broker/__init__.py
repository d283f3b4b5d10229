"""The adapter to Interactive Brokers: the only import of ib_async."""

import logging

from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker

__all__ = ["BrokerOptions", "IbBroker"]

# The library tells every lost connection as an error of its own; ours are told once, by the event log, and
# whoever configures no logging at all must not get either on standard error.
for _name in ("ib_async", "eventkit"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

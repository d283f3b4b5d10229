"""The adapter to Interactive Brokers: the only import of ib_async."""

from hydra.broker.options import BrokerOptions
from hydra.broker.session import IbBroker

__all__ = ["BrokerOptions", "IbBroker"]

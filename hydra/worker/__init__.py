"""The IB worker pool: a Prefect worker that holds the IB connection and runs flows beside it.

Prefect imports this package through the entry point group `prefect.collections`, which registers the types of
worker and block.
"""

from hydra.worker.blocks import AlertService
from hydra.worker.ib_gateway import IbGatewayWorker

__all__ = ["AlertService", "IbGatewayWorker"]

"""Every kind of fault and its effect."""

from collections.abc import Mapping
from typing import Final

from hydra.simulation.effects_gateway import GATEWAY
from hydra.simulation.effects_machine import MACHINE
from hydra.simulation.effects_process import PROCESS
from hydra.simulation.effects_wire import WIRE
from hydra.simulation.injector import Effect

EFFECTS: Final[Mapping[str, Effect]] = {**PROCESS, **WIRE, **GATEWAY, **MACHINE}

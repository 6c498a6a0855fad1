"""The gatekeeper: the only source of motor commands."""

from controllers.gatekeeper.checks import Clamp, Trip
from controllers.gatekeeper.config import GatekeeperConfig
from controllers.gatekeeper.machine import Gatekeeper, GatekeeperInfo, GatekeeperState, Outcome

__all__ = ["Clamp", "Gatekeeper", "GatekeeperConfig", "GatekeeperInfo", "GatekeeperState", "Outcome", "Trip"]

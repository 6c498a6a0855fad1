"""The learned methods `pronk` and `paper` of `pronk eval navigation`."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import Gains
from controllers.safety.graph import Neighbourhood
from controllers.safety.liveness import LivenessConfig
from controllers.safety.planar_qp import INFEASIBLE
from controllers.safety.power_barrier import FixedPower, PowerConfig, PowerFilter
from policies.checkpoints import load_arrays
from policies.navigation.network import Network
from policies.navigation.tuner import PowerTuner, Tuner
from sim.navigation import NavigationWorld
from sim.navigator import Decision, Navigator

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WEIGHTS = Path(__file__).parents[1] / "weights"
# Best fixed (ζ, η) and rate of V of the published filter, as `evaluation.navigation_methods` takes them.
POWER_BASE = FixedPower(10.0, 1.0)
POWER_DECREASE = 8.0
# What was chosen on the validation scenes after the training: time without progress after which the hand-made schedule
# is tried in place of the network [s], and its price of longer ways under the network.
PATIENCE_S = 5.0
WAYS = LivenessConfig(winding=0.7)


class _Given:
    """A schedule that says what it was told to."""

    def __init__(self) -> None:
        self.answer: Gains | None = None

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        assert self.answer is not None
        return self.answer


def _asked(member: IntArray | None, world: NavigationWorld) -> IntArray | None:
    """Which network each robot of the scenes that still go on asks, shape (N,)."""
    return None if member is None else np.repeat(member[world.number], world.places)


class Learned:
    """The filter, tuned by the network in all that it leaves open."""

    def __init__(
        self,
        network: Network,
        member: IntArray | None = None,
        ways: LivenessConfig | None = None,
        patience_s: float = np.inf,
    ) -> None:
        """Keep the network.

        Args:
            network: The network, or several.
            member: Which of several each scene of a world asks, shape (S,); None for the first.
            ways: Settings of the hand-made schedule that the network answers on top of.
            patience_s: Time without progress after which that schedule alone is tried [s].
        """
        self.member = member
        self.network = network
        self.ways, self.patience_s = ways, patience_s
        self.tuner: Tuner | None = None

    def start(self, world: NavigationWorld) -> None:
        """Make schedule and filter for the control period of a world.

        Args:
            world: The scenes.
        """
        self.tuner = Tuner(world.dt, self.network, self.ways, self.patience_s)
        self.given = _Given()
        self.filter = SafetyFilter(FilterConfig(world.dt), self.given)

    def decide(self, world: NavigationWorld) -> Decision:
        """Choose and filter.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        assert self.tuner is not None
        view = world.observe()
        choice = self.tuner.choose(view, _asked(self.member, world))
        n = view.present.shape[0]
        # The target is turned and slowed here, so that pushes can be added to it.
        self.given.answer = replace(choice.gains, turn=np.zeros(n), pace=np.ones(n))
        filtered = self.filter.filter(view, choice.target(world.preferred(), view.speed), world.bounds())
        return Decision(filtered.velocity, ~filtered.found)


class LearnedPower:
    """The published filter with (ζ, η) from the network."""

    def __init__(self, network: Network, member: IntArray | None = None) -> None:
        """Keep the network.

        Args:
            network: The network, or several.
            member: Which of several each scene of a world asks, shape (S,); None for the first.
        """
        self.member = member
        self.tuner = PowerTuner(network, POWER_BASE)
        self.filter: PowerFilter | None = None

    def start(self, world: NavigationWorld) -> None:
        """Make the filter for the control period of a world.

        Args:
            world: The scenes.
        """
        self.filter = PowerFilter(PowerConfig(world.dt, decrease=POWER_DECREASE), self.tuner)

    def decide(self, world: NavigationWorld) -> Decision:
        """Solve the programs.

        Args:
            world: Where robots are.

        Returns:
            Velocities.
        """
        assert self.filter is not None
        self.tuner.member = _asked(self.member, world)
        velocity, status = self.filter.filter(world.observe())
        return Decision(velocity, status == INFEASIBLE)


VARIANTS = {"pronk": Learned, "paper": LearnedPower}


def weights_file(variant: str) -> Path:
    """Name the shipped weights of a variant.

    Args:
        variant: A name of `VARIANTS`.

    Returns:
        The file.
    """
    return WEIGHTS / f"navigation_{variant}.safetensors"


@cache
def _network(path: Path) -> Network:
    return Network(load_arrays(path)[0])


def make_schedule(dt: float, weights: Path | None = None) -> Tuner:
    """Make the gain schedule of the variant "pronk", for filters that run elsewhere, such as on robots.

    Args:
        dt: Control period [s].
        weights: File of `pronk train navigation`; None for the shipped one.

    Returns:
        The schedule; it remembers nothing.

    Raises:
        InvalidValue: The weights cannot be read, or the period is not positive.
    """
    return Tuner(dt, _network(weights_file("pronk") if weights is None else weights), WAYS, PATIENCE_S)


def make_navigator(name: str, weights: Path | None = None) -> Navigator:
    """Make a learned method.

    Args:
        name: A name of `VARIANTS`.
        weights: File of `pronk train navigation`; None for the shipped one.

    Returns:
        The method.

    Raises:
        UnknownName: There is no such variant; lists those that exist.
        InvalidValue: The weights cannot be read.
    """
    if name not in VARIANTS:
        raise UnknownName("variant of the navigation policy", name, VARIANTS)
    network = _network(weights_file(name) if weights is None else weights)
    navigator: Navigator = Learned(network, None, WAYS, PATIENCE_S) if name == "pronk" else VARIANTS[name](network)
    return navigator

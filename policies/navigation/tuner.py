"""Gain schedules from the network: its answers on top of the hand-made schedule `controllers.safety.liveness`.

Every answer is squashed and added to, or multiplied with, what the hand-made schedule says, so that the answer zero
changes nothing, and no answer leaves the range in which the filter is safe.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.barrier import steer
from controllers.safety.gains import Gains
from controllers.safety.graph import Neighbourhood
from controllers.safety.liveness import Liveness, LivenessConfig
from controllers.safety.power_barrier import FixedPower, PowerGains
from policies.navigation.features import extract
from policies.navigation.network import EDGE_ANSWERS, NODE_ANSWERS, POWER_ANSWERS, Network

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Largest angle by which the goal is turned before the hand-made schedule looks for a way [rad].
HEADING = 1.5
# Time without progress counts up to e^1.5 times as much, or as little.
IMPATIENCE = 1.5
# Gains are multiplied by up to e^1.5, or divided.
GAIN = 1.5
# Share of the sum of two radii by which a neighbour is taken to be wider or narrower when a way is looked for.
WIDTH = 0.3
# Time in which a robot that lost patience tries the hand-made schedule [s], and how long of that it first draws back
# where so many neighbours press on it, with gaps less than this share of the sum of two radii: robots that close a
# ring at the same moment hold each other like the stones of an arch, and none can go on before all go back.
DETOUR_S, RETREAT_S = 60.0, 4.0
PRESSED, TOUCHING = 2, 0.2
# Factor of ζ, up to e^3, and change of η.
ZETA, ETA = 3.0, 0.9


@dataclass(frozen=True)
class Choice:
    """What the network chose for N robots.

    Attributes:
        gains: For the filter.
        push: Velocity that is added to the turned preferred one (a robot that makes way), world frame, shape (N, 2)
            [m/s].
    """

    gains: Gains
    push: Array

    def target(self, preferred: Array, speed: Array) -> Array:
        """Say where robots would go if nothing were in the way.

        Args:
            preferred: Velocities that they would take alone, shape (N, 2) [m/s].
            speed: Speed limits, shape (N,) [m/s].

        Returns:
            Velocities no faster than that, shape (N, 2) [m/s].
        """
        wanted = steer(preferred, self.gains) + self.push
        length = np.linalg.norm(wanted, axis=1)
        # Preferred velocities that are faster are bounded by the filter; only what the push adds is bounded here.
        limit = np.maximum(speed, np.linalg.norm(preferred, axis=1))
        return np.asarray(wanted * np.minimum(1.0, limit / np.maximum(length, 1e-12))[:, None])


class Tuner:
    """Chooses all that the filter leaves open; also a `GainSchedule`."""

    def __init__(
        self, dt: float, network: Network, config: LivenessConfig | None = None, patience_s: float = np.inf
    ) -> None:
        """Keep the network.

        Args:
            dt: Control period [s].
            network: The network.
            config: Settings of the hand-made schedule.
            patience_s: Time without progress after which a robot draws back, if neighbours press on it, and does what
                the hand-made schedule says, for as long as a way around a crowd may take; then again what the network
                says, and so on [s].

        Raises:
            InvalidValue: The network answers something else, or a time is not positive.
        """
        if not patience_s > 0.0:
            raise InvalidValue(f"Tuner.patience_s must be positive, got {patience_s}")
        sizes = network.config
        if (sizes.node_answers, sizes.edge_answers) != (len(NODE_ANSWERS), len(EDGE_ANSWERS)) or not sizes.pair:
            raise InvalidValue(
                f"the network must answer {', '.join((*NODE_ANSWERS, *EDGE_ANSWERS))} and shares, got "
                f"{sizes.node_answers} and {sizes.edge_answers} answers"
            )
        self.liveness = Liveness(dt, config)
        self.network = network
        self.patience_s = patience_s

    def choose(self, neighbourhood: Neighbourhood, member: IntArray | None = None) -> Choice:
        """Choose for every robot of a batch; what is chosen for one depends on its own row only.

        Args:
            neighbourhood: What N robots perceive.
            member: Which of several networks each robot asks, shape (N,); None for the first.

        Returns:
            The choice.
        """
        view, features = neighbourhood, extract(neighbourhood)
        answers = self.network.evaluate(features, member)
        receiver, slot = features.receiver, features.slot
        # Two ways of going on are stuck in different places. Shares stay: both robots of a pair must agree on them.
        lost = view.stall % (self.patience_s + DETOUR_S) - self.patience_s
        asked = lost < 0.0
        node, edge = np.tanh(answers.node) * asked[:, None], np.tanh(answers.edge) * asked[receiver, None]
        k = view.valid.shape[1]

        # At the goal there is nothing to turn.
        distance = np.linalg.norm(view.goal, axis=1)
        heading = HEADING * node[:, 0] * distance / (distance + np.maximum(view.radius, 1e-6))
        c, s = np.cos(heading), np.sin(heading)
        x, y = view.goal[:, 0], view.goal[:, 1]
        robots = slot < k
        i, j = receiver[robots], slot[robots]
        width = view.neighbour_radius.copy()
        width[i, j] += WIDTH * edge[robots, 1] * (view.radius[i] + width[i, j])
        planned = self.liveness.gains(
            replace(
                view,
                goal=np.stack((c * x - s * y, s * x + c * y), axis=1),
                stall=view.stall * np.exp(IMPATIENCE * node[:, 1]),
                neighbour_radius=width,
            )
        )
        turn = planned.turn + heading
        turn = np.where(np.abs(turn) > np.pi, turn - 2.0 * np.pi * np.sign(turn), turn)
        pace = np.clip(planned.pace * (1.0 + node[:, 2]), 0.0, 1.0)
        touching = view.valid & (view.gap < TOUCHING * (view.radius[:, None] + view.neighbour_radius))
        back = (lost >= 0.0) & (lost < RETREAT_S) & (touching.sum(axis=1) >= PRESSED)
        turn, pace = np.where(back, np.pi, turn), np.where(back, 1.0, pace)

        factor, top = np.exp(GAIN * edge[:, 0]), 1.0 / self.liveness.dt
        gain, obstacle_gain = planned.gain.copy(), planned.obstacle_gain.copy()
        gain[i, j] = np.minimum(gain[i, j] * factor[robots], top)
        wall, place = receiver[~robots], slot[~robots] - k
        obstacle_gain[wall, place] = np.minimum(obstacle_gain[wall, place] * factor[~robots], top)
        responsibility = planned.responsibility.copy()
        responsibility[i, j] = 1.0 / (1.0 + np.exp(-np.clip(answers.share[robots], -30.0, 30.0)))

        left = np.stack((-features.away[:, 1], features.away[:, 0]), axis=1)
        force = features.near[:, None] * (edge[:, 2:3] * features.away + edge[:, 3:4] * left)
        n = view.present.shape[0]
        push = np.stack([np.bincount(receiver, force[:, axis], n) for axis in (0, 1)], axis=1) * view.speed[:, None]
        return Choice(Gains(gain, responsibility, obstacle_gain, turn, pace), push)

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        """Choose for whoever knows no pushes: they are put into turn and pace.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Gains in range. Steered by them, a robot that prefers to go straight for its goal has the same target as
            with the push; a robot at its goal stays there instead of making way.
        """
        choice, view = self.choose(neighbourhood), neighbourhood
        gains = choice.gains
        distance = np.linalg.norm(view.goal, axis=1)
        full = np.minimum(view.speed, distance / self.liveness.dt)
        straight = view.goal * np.divide(full, distance, out=np.zeros_like(full), where=distance > 0.0)[:, None]
        target = choice.target(straight, view.speed)
        length = np.linalg.norm(target, axis=1)
        moved = (choice.push != 0.0).any(axis=1) & (full > 0.0)
        x, y = target[:, 0], target[:, 1]
        angle = np.arctan2(view.goal[:, 0] * y - view.goal[:, 1] * x, view.goal[:, 0] * x + view.goal[:, 1] * y)
        pace = np.divide(length, full, out=np.zeros_like(full), where=full > 0.0)
        return replace(
            gains,
            turn=np.where(moved, angle, gains.turn),
            pace=np.where(moved, np.minimum(pace, 1.0), gains.pace),
        )


class PowerTuner:
    """Chooses (ζ, η) of the published filter: a `PowerSchedule`."""

    def __init__(self, network: Network, base: FixedPower) -> None:
        """Keep the network.

        Args:
            network: The network.
            base: What is chosen where the network answers zero.

        Raises:
            InvalidValue: The network answers something else.
        """
        sizes = network.config
        if sizes.node_answers or sizes.pair or sizes.edge_answers != len(POWER_ANSWERS):
            raise InvalidValue(
                f"the network must answer {', '.join(POWER_ANSWERS)} for every edge and nothing else, got "
                f"{sizes.edge_answers} answers for edges, {sizes.node_answers} for robots"
            )
        self.network = network
        self.base = base
        # Which of several networks each robot asks; None for the first.
        self.member: IntArray | None = None

    def power_gains(self, neighbourhood: Neighbourhood) -> PowerGains:
        """Choose parameters for every robot of a batch; those of one depend on its own row only.

        Args:
            neighbourhood: What N robots perceive.

        Returns:
            Parameters of every slot.
        """
        view, features = neighbourhood, extract(neighbourhood)
        edge = np.tanh(self.network.evaluate(features, self.member).edge)
        n, k = view.valid.shape
        places = (n, k + view.obstacle_valid.shape[1])
        zeta, eta = np.full(places, self.base.zeta), np.full(places, self.base.eta)
        zeta[features.receiver, features.slot] *= np.exp(ZETA * edge[:, 0])
        eta[features.receiver, features.slot] *= 1.0 + ETA * edge[:, 1]
        return PowerGains(zeta[:, :k].copy(), eta[:, :k].copy(), zeta[:, k:].copy(), eta[:, k:].copy())

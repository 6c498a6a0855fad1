"""What robots perceived, answered and paid on scenes that were run whole: what PPO learns from.

The answers of the network get noise; all else is as at run time. The noise of a share is drawn once for a pair and
taken with opposite signs by its two robots, so that their responsibilities still sum to one. Scenes are run to their
end, time limit included (to be late costs then what it costs), so no return has to be guessed where a run was cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.navigation.features import Features
from policies.navigation.navigator import Learned, LearnedPower
from policies.navigation.network import Answers, Network
from policies.navigation.rollout import DETOUR, LATE, Costs
from sim.navigation import NavigationWorld
from sim.navigation_scene import Scene
from sim.navigator import Decision

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

# What the critic knows beside the features: share of the time limit that is left, share of the robots at their goals,
# own cost if nothing more stood in the way (in `OUTLOOK_S`), and whether the robot is at its goal.
OUTLOOK_WIDTH, OUTLOOK_S = 4, 10.0


@dataclass(frozen=True)
class Deviation:
    """Standard deviations of the noise of each answer.

    Attributes:
        node: Of the answers of robots, shape (`node_answers`,).
        edge: Of the answers of edges, for each edge by itself, shape (`edge_answers`,).
        common: Of the answers of edges, the same for all of a robot, on top, shape (`edge_answers`,).
        share: Of the logits of shares.
    """

    node: Array
    edge: Array
    common: Array
    share: float


class Exploring(Network):
    """A network whose answers are noisy; `asked` and `answered` hold what it was last asked, and said.

    The noise stays until it is drawn anew, and a part of that of the edges is the same for all of a robot: so it tries
    something for long enough, and towards enough others, to matter.
    """

    def __init__(self, parameters: dict[str, Array], deviation: Deviation, rng: np.random.Generator) -> None:
        """Keep parameters and source of noise.

        Args:
            parameters: Parameters by name.
            deviation: How large the noise is.
            rng: Where it comes from.

        Raises:
            InvalidValue: A parameter is wrong.
        """
        super().__init__(parameters)
        self.deviation, self.rng = deviation, rng
        self.asked: Features | None = None
        self.answered: Answers | None = None

    def begin(self, scenes: int, places: int, neighbours: int, obstacles: int) -> None:
        """Draw the first noise.

        Args:
            scenes: Number of scenes.
            places: Places for robots in each.
            neighbours: Slots for neighbours.
            obstacles: Slots for obstacles.
        """
        sizes = self.config
        self._places, self._neighbours = places, neighbours
        self._node = np.zeros((scenes, places, sizes.node_answers))
        # One for each other robot by its place, and one for each slot of an obstacle.
        self._edge = np.zeros((scenes, places, places + obstacles, sizes.edge_answers))
        self._common = np.zeros((scenes, places, sizes.edge_answers))
        self._share = np.zeros((scenes, places, places))
        self.scenes = np.arange(scenes)
        self.draw()

    def draw(self) -> None:
        """Draw the noise of `scenes` anew."""
        for kept in (self._node, self._edge, self._common, self._share):
            kept[self.scenes] = self.rng.standard_normal((len(self.scenes), *kept.shape[1:]))

    def evaluate(self, features: Features, member: IntArray | None = None) -> Answers:
        """Ask the network, and add noise.

        Args:
            features: What the robots of `scenes` perceive, place by place, scene by scene.
            member: Must be None: there is one network only.

        Returns:
            Noisy answers; the shares of a pair stay antisymmetric.

        Raises:
            InvalidValue: Several networks are asked for, or neighbours are not known by their rows.
        """
        if member is not None:
            raise InvalidValue("one network explores at a time, got numbers of several")
        mean, deviation, chosen = super().evaluate(features), self.deviation, self.scenes
        robots = features.slot < self._neighbours
        if (features.sender[robots] < 0).any():
            raise InvalidValue("to explore, every neighbour must be known by its row, got one that is not")
        scene, me = chosen[features.receiver // self._places], features.receiver % self._places
        other = features.sender % self._places
        other[~robots] = self._places + features.slot[~robots] - self._neighbours
        node = mean.node + deviation.node * self._node[chosen].reshape(mean.node.shape)
        edge = mean.edge + deviation.edge * self._edge[scene, me, other] + deviation.common * self._common[scene, me]
        share, low, high = mean.share.copy(), np.minimum(me, other)[robots], np.maximum(me, other)[robots]
        sign = np.where(me[robots] < other[robots], 1.0, -1.0)
        share[robots] += deviation.share * sign * self._share[scene[robots], low, high]
        self.asked, self.answered = features, Answers(node, edge, share)
        return self.answered


@dataclass(frozen=True)
class Experience:
    """R rows, one for each robot and decision, with E edges.

    Attributes:
        node: Features of the robots, shape (R, `NODE_WIDTH`).
        first: Edges of row r are those from first[r] up to first[r + 1], shape (R + 1,).
        edge: Features of the edges, shape (E, `EDGE_WIDTH`).
        pair: Encounters seen by the robot, shape (E, `PAIR_WIDTH`).
        reverse: Encounters seen by the neighbour, shape (E, `PAIR_WIDTH`).
        shared: Whether the edge is one of two robots that both may answer for, shape (E,).
        outlook: What else the critic knows, shape (R, `OUTLOOK_WIDTH`).
        answers_node: Noisy answers of the robots, shape (R, `node_answers`).
        answers_edge: Of the edges, shape (E, `edge_answers`).
        answers_share: Of the shares, shape (E,).
        robot: Number of the robot among all of all scenes, shape (R,).
        period: Number of the period in which the noise was drawn, shape (R,).
        reward: Own cost that was avoided until the next decision, at the last one until the end, shape (R,) [s].
        team: Mean of the rewards of the robots of the scene, shape (R,) [s].
    """

    node: Single
    first: IntArray
    edge: Single
    pair: Single
    reverse: Single
    shared: npt.NDArray[np.bool_]
    outlook: Single
    answers_node: Single
    answers_edge: Single
    answers_share: Single
    robot: IntArray
    period: IntArray
    reward: Array
    team: Array


def projected(world: NavigationWorld, shortest: Array) -> Array:
    """Tell what robots will have cost if they go straight on to their goals, and nobody fails.

    Args:
        world: Where they are.
        shortest: Lengths of the shortest paths, one in empty places, shape (S, A) [m].

    Returns:
        Costs, shape (S, A) [s].
    """
    tally, left = world.tally, world.way_left
    speed = np.where(world.present, world.speed, 1.0)
    arrival = np.where(np.isnan(tally.arrival), world.time + left / speed, tally.arrival)
    late = np.minimum(np.maximum(arrival - shortest / speed, 0.0), LATE)
    path = tally.path + np.where(np.isnan(tally.arrival), left, 0.0)
    efficiency = np.divide(shortest, np.maximum(path, shortest), out=np.ones_like(path), where=shortest > 0.0)
    return np.asarray(late + DETOUR * (1.0 - efficiency))


class Recorder:
    """Drives robots by an exploring network, and keeps what it saw and said."""

    def __init__(
        self, navigator: Learned | LearnedPower, network: Exploring, scenes: Sequence[Scene], hold: int = 1
    ) -> None:
        """Keep the method.

        Args:
            navigator: A method that asks the network.
            network: The network.
            scenes: The scenes that will be run, all of the same number of periods a second.
            hold: Periods for which noise stays as it was drawn. Drawing it is the decision that is written down.
        """
        self.navigator, self.network, self.hold = navigator, network, hold
        self.scenes = list(scenes)
        self._rows: list[dict[str, npt.NDArray[np.generic]]] = []

    def start(self, world: NavigationWorld) -> None:
        """Forget all.

        Args:
            world: The scenes.
        """
        self.navigator.start(world)
        self.network.begin(*world.present.shape, world.sensing.neighbours, world.sensing.obstacles)
        self._rows = []
        self.places = world.places
        self.shortest = np.ones(world.present.shape)
        for row, scene in zip(self.shortest, self.scenes, strict=True):
            row[: scene.agents] = scene.shortest

    def decide(self, world: NavigationWorld) -> Decision:
        """Decide, and write down what was decided with new noise.

        Args:
            world: Where robots are.

        Returns:
            What the method decided.
        """
        self.network.scenes = world.number
        if world.steps % self.hold:
            return self.navigator.decide(world)
        self.network.draw()
        decision = self.navigator.decide(world)
        features, answers = self.network.asked, self.network.answered
        assert features is not None and answers is not None
        present, there = world.present, world.at_goal
        cost = projected(world, self.shortest[world.number])
        arrived = (there & present).sum(axis=1) / present.sum(axis=1)
        outlook = np.stack(
            (
                np.broadcast_to(1.0 - world.time / world.limit[:, None], present.shape),
                np.broadcast_to(arrived[:, None], present.shape),
                cost / OUTLOOK_S,
                there,
            ),
            axis=2,
        )
        rows = present.reshape(-1)
        robot = (world.number[:, None] * self.places + np.arange(self.places)).reshape(-1)
        self._rows.append(
            {
                "node": features.node[rows].astype(np.float32),
                "edges": np.diff(features.first)[rows],
                "edge": features.edge.astype(np.float32),
                "pair": features.pair.astype(np.float32),
                "reverse": features.reverse.astype(np.float32),
                "shared": features.sender >= 0,
                "outlook": outlook.reshape(-1, OUTLOOK_WIDTH)[rows].astype(np.float32),
                "answers_node": answers.node[rows].astype(np.float32),
                "answers_edge": answers.edge.astype(np.float32),
                "answers_share": answers.share.astype(np.float32),
                "robot": robot[rows],
                "period": np.full(int(rows.sum()), world.steps),
                "cost": cost.reshape(-1)[rows],
            }
        )
        return decision

    def experience(self, costs: Costs) -> Experience:
        """Put together what was written down since the start.

        Args:
            costs: What the scenes cost in the end.

        Returns:
            All rows, decision by decision.
        """
        parts = {name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]}
        robot, period, cost = parts["robot"], parts["period"], parts["cost"]
        final = np.zeros((len(self.scenes), self.places))
        for row, robots in zip(final, costs.robots, strict=True):
            row[: len(robots)] = robots
        # Costs at the next decision of the same robot, or in the end.
        order = np.lexsort((period, robot))
        last = np.append(robot[order][1:] != robot[order][:-1], True)
        following = np.where(last, final.reshape(-1)[robot[order]], np.append(cost[order][1:], 0.0))
        reward = np.empty_like(cost)
        reward[order] = cost[order] - following
        scene = robot // self.places
        group = period * len(self.scenes) + scene
        total, number = np.bincount(group, reward), np.bincount(group)
        names = ("node", "edge", "pair", "reverse", "shared", "outlook", "answers_node", "answers_edge")
        return Experience(
            **{name: parts[name] for name in (*names, "answers_share", "robot", "period")},
            first=np.append(0, np.cumsum(parts["edges"])),
            reward=reward,
            team=total[group] / number[group],
        )


def advantages(
    experience: Experience, reward: Array, value: Array, discount: float, trace: float
) -> tuple[Array, Array]:
    """Estimate how much better than expected what followed was (Schulman et al., arXiv 1506.02438).

    Args:
        experience: The rows; every robot's last is its end.
        reward: Reward of each row, shape (R,).
        value: What the critic expected from each row on, shape (R,).
        discount: Weight γ of the next decision.
        trace: Decay λ of the influence of later surprises.

    Returns:
        Advantages and returns (advantage + value), shape (R,) each.
    """
    order = np.lexsort((experience.period, experience.robot))
    robot = experience.robot[order]
    last = np.append(robot[1:] != robot[:-1], True)
    following = np.where(last, 0.0, np.append(value[order][1:], 0.0))
    surprise = reward[order] + discount * following - value[order]
    found = np.empty_like(surprise)
    later = 0.0
    for i in range(len(surprise) - 1, -1, -1):
        later = surprise[i] + (0.0 if last[i] else discount * trace * later)
        found[i] = later
    advantage = np.empty_like(found)
    advantage[order] = found
    return advantage, advantage + value

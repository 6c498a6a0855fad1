"""The network, computed with numpy alone: one round of messages on the star of what a robot perceives.

Every edge makes a message of its own features and the robot's; the robot takes sum and maximum of its messages, and
answers for itself (heading, impatience, pace) and for every edge (gain, width, pushes). `model` holds the same network
in torch; this one costs no more than a few matrix products and is what runs on robots and in training.

Responsibilities come from a second, small network f of what two robots both know of their encounter: f(own view) −
f(other's view) is antisymmetric, so that the shares of both sum to one without a word between them.

The last layers are zero at first: an untrained network answers zero to everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.navigation.features import EDGE_WIDTH, NODE_WIDTH, PAIR_WIDTH, Features

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Sums of messages are divided by this, a usual number of neighbours.
USUAL = 8.0
# What a robot answers for itself and for every edge.
NODE_ANSWERS = ("heading", "impatience", "pace")
EDGE_ANSWERS = ("gain", "width", "push", "swerve")
POWER_ANSWERS = ("zeta", "eta")


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes.

    Attributes:
        message: Width of messages.
        hidden: Width of what the robot makes of them.
        pair: Width of the network of responsibilities; zero leaves it out.
        node_answers: Number of answers of a robot for itself.
        edge_answers: Number of answers for every edge.
    """

    message: int = 16
    hidden: int = 16
    pair: int = 8
    node_answers: int = len(NODE_ANSWERS)
    edge_answers: int = len(EDGE_ANSWERS)

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        for name in self.__dataclass_fields__:
            least = 0 if name in ("pair", "node_answers") else 1
            if getattr(self, name) < least:
                raise InvalidValue(f"NetworkConfig.{name} must be at least {least}, got {getattr(self, name)}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """List the parameters.

        Returns:
            Shapes by name; weights are (out, in), as torch has them.
        """
        gathered = NODE_WIDTH + 2 * self.message
        shapes: dict[str, tuple[int, ...]] = {
            "message.weight": (self.message, EDGE_WIDTH + NODE_WIDTH),
            "message.bias": (self.message,),
            "update.weight": (self.hidden, gathered),
            "update.bias": (self.hidden,),
            "edge.weight": (self.edge_answers, self.message + self.hidden),
            "edge.bias": (self.edge_answers,),
        }
        if self.node_answers:
            shapes |= {"node.weight": (self.node_answers, self.hidden), "node.bias": (self.node_answers,)}
        if self.pair:
            shapes |= {
                "pair.weight": (self.pair, PAIR_WIDTH),
                "pair.bias": (self.pair,),
                "share.weight": (1, self.pair),
            }
        return shapes


# Layers that answer; zero at first.
LAST = ("edge.", "node.", "share.")


@dataclass(frozen=True)
class Answers:
    """What the network says, before it is squashed into range.

    Attributes:
        node: Shape (N, `node_answers`).
        edge: Shape (E, `edge_answers`).
        share: Antisymmetric logit of the responsibility of edges between robots, shape (P,).
    """

    node: Array
    edge: Array
    share: Array


def initial(config: NetworkConfig, seed: int = 0) -> dict[str, Array]:
    """Draw the parameters of an untrained network.

    Args:
        config: Sizes.
        seed: Seed of the inner layers (He initialisation).

    Returns:
        Parameters by name; those of the last layers are zero.
    """
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, shape in config.shapes().items():
        inner = name.endswith("weight") and not name.startswith(LAST)
        scale = np.sqrt(2.0 / shape[-1]) if inner else 0.0
        parameters[name] = scale * rng.standard_normal(shape)
    return parameters


def config_of(parameters: Mapping[str, Array]) -> NetworkConfig:
    """Tell the sizes that parameters have.

    Args:
        parameters: Parameters by name.

    Returns:
        The sizes.

    Raises:
        InvalidValue: A parameter is missing, too many, of the wrong shape or not finite.
    """

    def rows(name: str) -> int:
        return len(parameters[name]) if name in parameters and np.ndim(parameters[name]) else 0

    config = NetworkConfig(
        max(rows("message.weight"), 1),
        max(rows("update.weight"), 1),
        rows("pair.weight"),
        rows("node.weight"),
        max(rows("edge.weight"), 1),
    )
    wanted = config.shapes()
    if set(wanted) != set(parameters):
        raise InvalidValue(f"parameters must be {', '.join(wanted)}; got {', '.join(parameters)}")
    for name, shape in wanted.items():
        if parameters[name].shape != shape:
            raise InvalidValue(f"parameter '{name}' must have shape {shape}, got {parameters[name].shape}")
        if not np.isfinite(parameters[name]).all():
            raise InvalidValue(f"parameter '{name}' must be finite")
    return config


def _gather(message: Array, receiver: IntArray, robots: int) -> tuple[Array, Array]:
    """Sum and maximum (zero without messages) of the messages of every robot."""
    order = np.argsort(receiver, kind="stable")
    ordered, who = message[order], receiver[order]
    total, most = np.zeros((robots, message.shape[1])), np.zeros((robots, message.shape[1]))
    if who.size:
        first = np.flatnonzero(np.concatenate(([True], who[1:] != who[:-1])))
        total[who[first]] = np.add.reduceat(ordered, first, axis=0)
        most[who[first]] = np.maximum.reduceat(ordered, first, axis=0)
    return total, most


def evaluate(parameters: Mapping[str, Array], features: Features) -> Answers:
    """Ask the network.

    Args:
        parameters: Parameters by name.
        features: What N robots perceive.

    Returns:
        Answers; those of a robot depend on its own row only.
    """
    p, node, receiver = parameters, features.node, features.receiver
    inner = p["message.weight"]
    # The robot's part of all its messages is the same: it is computed once.
    own = node @ inner[:, EDGE_WIDTH:].T + p["message.bias"]
    message = np.maximum(features.edge @ inner[:, :EDGE_WIDTH].T + own[receiver], 0.0)
    total, most = _gather(message, receiver, node.shape[0])
    gathered = np.concatenate((node, total / USUAL, most), axis=1)
    hidden = np.maximum(gathered @ p["update.weight"].T + p["update.bias"], 0.0)
    width = inner.shape[0]
    by_robot = hidden @ p["edge.weight"][:, width:].T + p["edge.bias"]
    edge = message @ p["edge.weight"][:, :width].T + by_robot[receiver]
    answer = hidden @ p["node.weight"].T + p["node.bias"] if "node.weight" in p else np.zeros((node.shape[0], 0))
    share = np.zeros(features.pair.shape[0])
    if "pair.weight" in p:
        views = np.maximum(
            np.concatenate((features.pair, features.reverse)) @ p["pair.weight"].T + p["pair.bias"], 0.0
        )
        one, other = np.split(views @ p["share.weight"][0], 2)
        share = one - other
    return Answers(answer, edge, share)

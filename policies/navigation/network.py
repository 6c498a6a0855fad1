"""The network, compiled and without torch: one round of messages on the star of what a robot perceives.

Every edge makes a message of its own features and the robot's; the robot takes sum and maximum of its messages, and
answers for itself (heading, impatience, pace) and for every edge (gain, width, pushes). `model` holds the same network
in torch; this one takes some microseconds for each robot, and is what runs on robots and in training.

Responsibilities come from a second, small network f of what two robots both know of their encounter: f(own view) −
f(other's view) is antisymmetric, so that the shares of both sum to one without a word between them.

The last layers are zero at first: an untrained network answers zero to everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

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
        share: Antisymmetric logit of the responsibility of edges, zero for obstacles, shape (E,).
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


@njit(cache=True, inline="always")
def _add(out: Array, value: Array, weight: Array) -> None:
    """Add value·weight to `out`, weight as (in, out)."""
    for d in range(value.shape[0]):
        x = value[d]
        if x != 0.0:
            for h in range(out.shape[0]):
                out[h] += x * weight[d, h]


@njit(cache=True, inline="always")
def _rectify(values: Array) -> None:
    for h in range(values.shape[0]):
        # Not-a-number stays: the filter makes it harmless and counts it.
        if values[h] < 0.0:
            values[h] = 0.0


@njit(cache=True)
def _forward(
    layers: tuple[Array, Array, Array, Array, Array, Array, Array, Array, Array, Array, Array],
    member: IntArray,
    graph: tuple[Array, IntArray, Array, Array, Array],
    node_answer: Array,
    edge_answer: Array,
    share: Array,
) -> None:
    """Fill in the answers; every robot asks the network of its number."""
    inner, inner_bias, update, update_bias, by_edge, edge_bias, by_node, node_bias, pairs, pair_bias, last = layers
    node, first, edge, pair, reverse = graph
    width, deep, wide = inner.shape[2], update.shape[2], edge.shape[1]
    many = node.shape[1]
    own, total, most = np.empty(width), np.empty(width), np.empty(width)
    hidden, for_all, view = np.empty(deep), np.empty(edge_answer.shape[1]), np.empty(pairs.shape[2])
    message = np.empty((1, width))
    for i in range(node.shape[0]):
        m = member[i]
        begin, count = first[i], first[i + 1] - first[i]
        if message.shape[0] < count:
            message = np.empty((2 * count, width))
        own[:] = inner_bias[m]
        _add(own, node[i], inner[m, wide:])
        total[:], most[:] = 0.0, 0.0
        for e in range(count):
            message[e, :] = own
            _add(message[e], edge[begin + e], inner[m, :wide])
            _rectify(message[e])
            for h in range(width):
                total[h] += message[e, h]
                most[h] = max(most[h], message[e, h])
        for h in range(width):
            total[h] /= USUAL
        hidden[:] = update_bias[m]
        _add(hidden, node[i], update[m, :many])
        _add(hidden, total, update[m, many : many + width])
        _add(hidden, most, update[m, many + width :])
        _rectify(hidden)
        node_answer[i] = node_bias[m]
        _add(node_answer[i], hidden, by_node[m])
        for_all[:] = edge_bias[m]
        _add(for_all, hidden, by_edge[m, width:])
        for e in range(count):
            edge_answer[begin + e] = for_all
            _add(edge_answer[begin + e], message[e], by_edge[m, :width])
            for side in range(2):
                view[:] = pair_bias[m]
                _add(view, pair[begin + e] if side == 0 else reverse[begin + e], pairs[m])
                _rectify(view)
                value = 0.0
                for h in range(view.shape[0]):
                    value += view[h] * last[m, h]
                share[begin + e] += value if side == 0 else -value


class Network:
    """A network, or several of the same sizes of which every robot asks one."""

    def __init__(self, *parameters: Mapping[str, Array]) -> None:
        """Check and arrange the parameters.

        Args:
            parameters: Parameters of each network by name.

        Raises:
            InvalidValue: There are none, they do not fit one another, or a parameter is wrong.
        """
        configs = {config_of(item) for item in parameters}
        if len(configs) != 1:
            raise InvalidValue(f"networks must be at least one and all of the same sizes, got {len(configs)} sizes")
        self.config = configs.pop()

        def layer(name: str, shape: tuple[int, ...]) -> Array:
            if name not in parameters[0]:
                return np.zeros((len(parameters), *shape))
            return np.stack([np.ascontiguousarray(item[name].T) for item in parameters])

        deep = self.config.hidden
        self.layers = (
            layer("message.weight", ()),
            layer("message.bias", ()),
            layer("update.weight", ()),
            layer("update.bias", ()),
            layer("edge.weight", ()),
            layer("edge.bias", ()),
            layer("node.weight", (deep, 0)),
            layer("node.bias", (0,)),
            layer("pair.weight", (PAIR_WIDTH, 0)),
            layer("pair.bias", (0,)),
            layer("share.weight", (0, 1))[:, :, 0],
        )

    def evaluate(self, features: Features, member: IntArray | None = None) -> Answers:
        """Ask the network.

        Args:
            features: What N robots perceive.
            member: Which network each robot asks, shape (N,); None for the first.

        Returns:
            Answers; those of a robot depend on its own row only.
        """
        n, e = features.node.shape[0], features.edge.shape[0]
        node, edge = np.zeros((n, self.config.node_answers)), np.zeros((e, self.config.edge_answers))
        share = np.zeros(e)
        _forward(
            self.layers,
            np.zeros(n, dtype=np.int64) if member is None else member,
            (features.node, features.first, features.edge, features.pair, features.reverse),
            node,
            edge,
            share,
        )
        return Answers(node, edge, share)


def flatten(parameters: Mapping[str, Array]) -> Array:
    """Write all parameters into one vector, in the order of `NetworkConfig.shapes`.

    Args:
        parameters: Parameters by name.

    Returns:
        Vector of all parameters.
    """
    return np.concatenate([parameters[name].ravel() for name in config_of(parameters).shapes()])


def unflatten(config: NetworkConfig, vector: Array) -> dict[str, Array]:
    """Read parameters out of one vector.

    Args:
        config: Sizes.
        vector: As `flatten` writes it.

    Returns:
        Parameters by name.
    """
    shapes = config.shapes()
    sizes: Sequence[int] = [int(np.prod(shape)) for shape in shapes.values()]
    parts = np.split(np.asarray(vector, dtype=np.float64), np.cumsum(sizes)[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

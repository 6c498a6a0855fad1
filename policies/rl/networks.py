"""Small networks in numpy, several computed at once, with their gradients.

At this size a framework spends most of its time on everything but arithmetic: an update takes several times as long in
torch. Parameters of all members lie in one vector, so that optimiser and target networks are a few operations.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

# Single precision while learning, double where gradients are checked.
Floats = npt.NDArray[Any]

EPSILON = 1e-5


@dataclass(frozen=True)
class Tape:
    """What a forward pass leaves for the backward pass.

    Attributes:
        inputs: Of each layer, shape (E, B, I) each.
        normal: Normalised sums of the hidden layers, shape (E, B, H) each.
        deviation: By which they were divided, shape (E, B, 1) each.
    """

    inputs: list[Floats]
    normal: list[Floats]
    deviation: list[Floats]


class Networks:
    """E networks of two hidden layers: linear, layer normalisation, rectifier; the output is linear.

    Without normalisation, prior data make critics diverge (Ball et al. 2023, RLPD).
    """

    def __init__(
        self, members: int, inputs: int, hidden: int, outputs: int, rng: np.random.Generator, kind: Any = np.float32
    ) -> None:
        """Build them with random weights, uniform within ± 1 / √(inputs of the layer).

        Args:
            members: E.
            inputs: Numbers in.
            hidden: Width of the layers.
            outputs: Numbers out.
            rng: Draws the weights.
            kind: Precision.
        """
        self.shapes = [(inputs, hidden), (hidden, hidden), (hidden, outputs)]
        sizes = [members * (a + 1) * b for a, b in self.shapes]
        parts = [rng.uniform(-1.0, 1.0, n) / math.sqrt(a) for n, (a, _) in zip(sizes, self.shapes, strict=True)]
        self.members = members
        self.parameters: Floats = np.concatenate(parts).astype(kind)
        self._layers = self.views(self.parameters)
        # A product of matrices takes means several times as fast as numpy's own.
        self._average = np.full((hidden, 1), 1.0 / hidden, dtype=kind)

    def views(self, vector: Floats) -> list[tuple[Floats, Floats]]:
        """Look at a vector of parameters, or of their gradients, as weights and biases.

        Args:
            vector: Shape (P,).

        Returns:
            Weights, shape (E, I, O), and biases, shape (E, 1, O), of each layer; writing to them writes to the vector.
        """
        found, at = [], 0
        for a, b in self.shapes:
            weights, biases = self.members * a * b, self.members * b
            found.append(
                (
                    vector[at : at + weights].reshape(self.members, a, b),
                    vector[at + weights : at + weights + biases].reshape(self.members, 1, b),
                )
            )
            at += weights + biases
        return found

    def forward(self, seen: Floats) -> tuple[Floats, Tape]:
        """Compute.

        Args:
            seen: The same for all members, shape (B, I).

        Returns:
            Outputs, shape (E, B, O), and what `backward` needs.
        """
        hidden = np.broadcast_to(seen, (self.members, *seen.shape))
        tape = Tape([], [], [])
        for weight, bias in self._layers[:-1]:
            tape.inputs.append(hidden)
            total = hidden @ weight
            total += bias
            total -= total @ self._average
            deviation = np.sqrt(np.einsum("ebh,ebh->eb", total, total)[..., None] / total.shape[2] + EPSILON)
            total /= deviation
            tape.normal.append(total)
            tape.deviation.append(deviation)
            hidden = np.maximum(total, 0.0)
        tape.inputs.append(hidden)
        weight, bias = self._layers[-1]
        return hidden @ weight + bias, tape

    def backward(self, tape: Tape, slope: Floats) -> Floats:
        """Compute the gradient by the parameters.

        Args:
            tape: Of the forward pass.
            slope: Of the loss by the outputs, shape (E, B, O).

        Returns:
            Shape (P,).
        """
        gradient = np.empty_like(self.parameters)
        self._descend(tape, slope, self.views(gradient))
        return gradient

    def backward_to_inputs(self, tape: Tape, slope: Floats) -> Floats:
        """Compute the gradient by the inputs.

        Args:
            tape: Of the forward pass.
            slope: Of the loss by the outputs, shape (E, B, O).

        Returns:
            By the inputs of each member, shape (E, B, I).
        """
        return self._descend(tape, slope, None) @ self._layers[0][0].transpose(0, 2, 1)

    def _descend(self, tape: Tape, slope: Floats, gradient: list[tuple[Floats, Floats]] | None) -> Floats:
        """Go back to the sums of the first layer."""
        for layer in (2, 1, 0):
            if gradient is not None:
                weights, biases = gradient[layer]
                np.matmul(tape.inputs[layer].transpose(0, 2, 1), slope, out=weights)
                np.sum(slope, axis=1, keepdims=True, out=biases)
            if layer == 0:
                break
            slope = slope @ self._layers[layer][0].transpose(0, 2, 1)
            normal = tape.normal[layer - 1]
            slope *= normal > 0.0
            along = np.einsum("ebh,ebh->eb", slope, normal)[..., None] / normal.shape[2]
            slope -= slope @ self._average
            slope -= normal * along
            slope /= tape.deviation[layer - 1]
        return slope


class Adam:
    """Follows gradients (Kingma and Ba 2015)."""

    def __init__(self, parameters: Floats, rate: float, largest: float) -> None:
        """Begin at rest.

        Args:
            parameters: Changed in place, shape (P,).
            rate: Learning rate.
            largest: Norm to which gradients are cut.
        """
        self.parameters, self._rate, self._largest = parameters, rate, largest
        self.first, self.second, self.steps = np.zeros_like(parameters), np.zeros_like(parameters), 0

    def descend(self, gradient: Floats, what: str) -> None:
        """Make a step.

        Args:
            gradient: Shape (P,); changed.
            what: Named in the error.

        Raises:
            InvalidValue: The gradient is not finite; nothing is changed then.
        """
        norm = math.sqrt(float(gradient @ gradient))
        if not math.isfinite(norm):
            raise InvalidValue(f"the gradient of the {what} is {norm}; the last good state is kept")
        if norm > self._largest:
            gradient *= self._largest / norm
        self.steps += 1
        self.first += 0.1 * (gradient - self.first)
        gradient *= gradient
        self.second += 0.001 * (gradient - self.second)
        rate = self._rate * math.sqrt(1.0 - 0.999**self.steps) / (1.0 - 0.9**self.steps)
        self.parameters -= rate * self.first / (np.sqrt(self.second) + 1e-8)

"""L1 adaptive estimation of a constant wrench: the published baseline of the random-feature learner."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import screen

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class L1Config:
    """Poles of the state predictor and cut-offs of the filters.

    The defaults are those of the baseline published with arXiv 2510.15626.

    Attributes:
        bounds: Largest wrench that is predicted.
        force_pole: Pole of the velocity predictor, negative [1/s].
        moment_pole: Pole of the angular-velocity predictor, negative [1/s].
        force_cutoff: Cut-off of the low-pass on the force [rad/s].
        moment_cutoff: Cut-off of the first low-pass on the moment [rad/s].
        moment_second_cutoff: Cut-off of the second low-pass on the moment [rad/s].
    """

    bounds: WrenchBounds
    force_pole: float = -5.0
    moment_pole: float = -10.0
    force_cutoff: float = 0.5
    moment_cutoff: float = 0.5
    moment_second_cutoff: float = 1.0

    def __post_init__(self) -> None:
        """Refuse unstable poles and filters.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("force_pole", "moment_pole"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value < 0.0):
                raise InvalidValue(f"L1Config.{name} must be finite and < 0, got {value}")
        for name in ("force_cutoff", "moment_cutoff", "moment_second_cutoff"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"L1Config.{name} must be finite and > 0, got {value}")

    @classmethod
    def published(cls, mass: float) -> "L1Config":
        """Take the published gains.

        Args:
            mass: Nominal mass, which sets the bounds [kg].

        Returns:
            The configuration.
        """
        return cls(WrenchBounds.for_mass(mass))


@njit(cache=True)
def _adapt(residual: Array, dt: float, poles: Array, cutoffs: Array, memory: Array) -> None:
    # Rows of memory: momentum error, σ, first filter, second filter.
    for i in range(6):
        decay = np.exp(poles[i] * dt)
        hold = (decay - 1.0) / poles[i]
        memory[0, i] = decay * memory[0, i] + hold * (memory[1, i] - residual[i])
        memory[1, i] = -decay / hold * memory[0, i]
        memory[2, i] += (1.0 - np.exp(-cutoffs[0, i] * dt)) * (memory[1, i] - memory[2, i])
        memory[3, i] += (1.0 - np.exp(-cutoffs[1, i] * dt)) * (memory[2, i] - memory[3, i])


class L1Adaptive:
    """Piecewise-constant L1 adaptation with low-pass filters.

    A predictor of the velocity runs beside the robot,

        ν̂̇ = ν̇_nominal + M⁻¹ σ + A_s ν̃,      ν̃ = ν̂ − ν,      A_s = diag(force_pole I₃, moment_pole I₃),

    and after every interval the wrench is set to what would have cancelled the error at its end:

        σ = −M (e^{A_s dt} − I)⁻¹ A_s e^{A_s dt} ν̃.

    With a residual d that is constant over the interval, ν̃ obeys

        ν̃⁺ = e^{A_s dt} ν̃ + A_s⁻¹ (e^{A_s dt} − I) M⁻¹ (σ − d),

    so σ equals e^{A_s dt} d after one interval: the estimate itself is deadbeat with a DC gain slightly
    below one (0.975 for forces at 200 Hz), and its speed is the filter's alone. The recursion is run on
    M ν̃ and fed with d = M (ν̇ − ν̇_nominal), which needs no frame that turns with the robot.

    The force passes one first-order low-pass, the moment two. The prediction is the same along the
    whole horizon. The state predictor starts with no error.
    """

    def __init__(self, config: L1Config) -> None:
        """Start with a zero estimate.

        Args:
            config: Poles, cut-offs and bounds.
        """
        self.config = config
        c = config
        self._poles = np.repeat([c.force_pole, c.moment_pole], 3)
        # The force has no second filter: an infinite cut-off passes its input on.
        self._cutoffs = np.repeat([[c.force_cutoff, c.moment_cutoff], [np.inf, c.moment_second_cutoff]], 3, axis=1)
        self._memory = np.zeros((4, 6))
        self._residual = np.zeros(6)
        self.ignored = 0

    def predict(self, inputs: LearnerInputs) -> Array:
        """Return the filtered estimate at every node.

        Args:
            inputs: States along the horizon, N nodes; only their number matters.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        return self.config.bounds.apply(np.tile(self._memory[3], (inputs.state.shape[0], 1)))

    def update(self, measurement: ResidualMeasurement) -> None:
        """Advance predictor, adaptation and filters by one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        if not screen(measurement, self._residual):
            self.ignored += 1
            return
        _adapt(self._residual, measurement.dt, self._poles, self._cutoffs, self._memory)

    def reset(self) -> None:
        """Forget the estimate."""
        self._memory[:] = 0.0

"""What the nominal model misses of a walk that nothing disturbs, averaged over the gait cycle."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.quadruped.gait import GAITS
from controllers.residual.bounds import WrenchBounds
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import screen
from controllers.robot.catalog import load_robot
from evaluation.rollout import RolloutConfig, run
from sim.ground_truth import GroundTruth
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

# The robot has to get into a command before what it does then is typical of it.
SETTLING_S = 1.0
# A command that did not last this long beyond that has no average.
LEAST_S = 0.5


def node_times(scenario: Scenario, time: float, phase: Array) -> Array:
    """Find when the middles of the intervals of a horizon will be, from the gait phases at their beginnings.

    Args:
        scenario: Says which gait runs.
        time: Now [s].
        phase: Gait phases, shape (N,).

    Returns:
        Times, shape (N,) [s]; a single node is now.
    """
    gait = scenario.command(time).gait
    period = GAITS[gait if gait in GAITS else "stand"].period
    if len(phase) == 1:
        return np.array([time])
    lengths = (np.diff(phase) % 1.0) * period
    lengths = np.append(lengths, lengths[-1])
    return time + np.cumsum(lengths) - 0.5 * lengths


def _basis(phase: Array, harmonics: int) -> Array:
    angle = 2.0 * np.pi * np.outer(phase, np.arange(1, harmonics + 1))
    return np.concatenate((np.ones((len(phase), 1)), np.cos(angle), np.sin(angle)), axis=1)


@dataclass(frozen=True)
class GaitAverage:
    """A wrench as a Fourier series of the gait phase, one for each command of a scenario.

    Attributes:
        starts: When the commands are given, shape (C,) [s].
        coefficients: Constant, cosines, sines, shape (C, 1 + 2 H, 6) [N, N·m].
    """

    starts: Array
    coefficients: Array

    @classmethod
    def zero(cls, scenario: Scenario, harmonics: int = 4) -> "GaitAverage":
        """Start with nothing missing.

        Args:
            scenario: Its commands.
            harmonics: Length H of the series.

        Returns:
            Zero wrenches.
        """
        starts = np.array([timed.at_s for timed in scenario.commands])
        return cls(starts, np.zeros((len(starts), 1 + 2 * harmonics, 6)))

    def wrench(self, time: Array, phase: Array) -> Array:
        """Evaluate the series.

        Args:
            time: Times, which tell the command, shape (N,) [s].
            phase: Gait phases, shape (N,).

        Returns:
            Wrench, heading frame, shape (N, 6) [N, N·m].
        """
        command = np.maximum(np.searchsorted(self.starts, time, side="right") - 1, 0)
        basis = _basis(phase, (self.coefficients.shape[1] - 1) // 2)
        return np.asarray(np.einsum("ns,nsk->nk", basis, self.coefficients[command]))


class ResidualRecorder:
    """Stands in for a learner: predicts a known average and notes the residual of every interval.

    Args:
        scenario: What is run.
        average: What is predicted.
    """

    def __init__(self, scenario: Scenario, average: GaitAverage) -> None:
        self._scenario = scenario
        self._average = average
        self._bounds = WrenchBounds.for_mass(load_robot(scenario.robot).mass)
        self._now = 0.0
        self._residual = np.zeros(6)
        self._rows: list[tuple[float, float, float, Array]] = []

    def set_truth(self, truth: GroundTruth) -> None:
        """Note the time.

        Args:
            truth: True state.
        """
        self._now = truth.time

    def predict(self, inputs: LearnerInputs) -> Array:
        """Predict the average.

        Args:
            inputs: States along the horizon, N nodes.

        Returns:
            Bounded wrench, heading frame, shape (N, 6) [N, N·m].
        """
        times = node_times(self._scenario, self._now, inputs.gait_phase)
        return self._bounds.apply(self._average.wrench(times, middle_phases(inputs.gait_phase)))

    def update(self, measurement: ResidualMeasurement) -> None:
        """Note one residual.

        Args:
            measurement: One control interval.
        """
        if screen(measurement, self._residual):
            phase = float(measurement.inputs.gait_phase[0])
            self._rows.append((self._now, phase, measurement.dt, self._residual.copy()))

    def reset(self) -> None:
        """Forget nothing: what was recorded stays."""

    def average(self) -> GaitAverage:
        """Fit the series to what was recorded, by least squares.

        Returns:
            The average of each command; that of the latest command before it where one did not last.
        """
        starts = self._average.starts
        out = np.zeros_like(self._average.coefficients)
        if not self._rows:
            return GaitAverage(starts, out)
        end, phase, dt = np.array([row[:3] for row in self._rows]).T
        residual = np.array([row[3] for row in self._rows])
        # The pace of the gait puts each sample into the middle of its interval.
        pace = np.zeros(len(phase))
        pace[:-1] = (np.diff(phase) % 1.0) / dt[:-1]
        pace[-1] = pace[max(len(pace) - 2, 0)]
        middle = phase + 0.5 * pace * dt
        harmonics = (out.shape[1] - 1) // 2
        ends = np.append(starts[1:], np.inf)
        for number, (start, until) in enumerate(zip(starts, ends, strict=True)):
            inside = (end - dt >= start + SETTLING_S) & (end < until)
            if dt[inside].sum() >= LEAST_S:
                root = np.sqrt(dt[inside])[:, None]
                basis = _basis(middle[inside], harmonics)
                out[number] = np.linalg.lstsq(root * basis, root * residual[inside], rcond=1e-6)[0]
            elif number > 0:
                out[number] = out[number - 1]
        return GaitAverage(starts, out)


def middle_phases(phase: Array) -> Array:
    """Find the gait phases in the middle of the intervals of a horizon.

    Args:
        phase: At their beginnings, shape (N,).

    Returns:
        Shape (N,); a single node is now.
    """
    if len(phase) == 1:
        return phase
    half = 0.5 * (np.diff(phase) % 1.0)
    return np.asarray(phase + np.append(half, half[-1]))


def calibrate(scenario: Scenario, config: RolloutConfig | None = None, passes: int = 2) -> GaitAverage:
    """Measure what the nominal model misses while nothing disturbs the robot.

    The scenario is run without its disturbances, with the same seed, plant, noise and commands. What is missing
    depends on how the robot moves, which changes once it is compensated for; hence more than one pass, each
    compensating for what the pass before it measured.

    Args:
        scenario: What will be run.
        config: How; its learner is not used.
        passes: Number of runs.

    Returns:
        The average residual over the gait cycle, for each command.

    Raises:
        InvalidValue: There is to be no run at all.
    """
    if passes < 1:
        raise InvalidValue(f"passes must be >= 1, got {passes}")
    quiet = replace(scenario, disturbances=())
    average = GaitAverage.zero(scenario)
    for _ in range(passes):
        recorder = ResidualRecorder(quiet, average)
        run(quiet, config, recorder)
        average = recorder.average()
    return average

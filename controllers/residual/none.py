"""The learner that learns nothing: the nominal controller."""

import numpy as np
import numpy.typing as npt

from controllers.residual.learner import LearnerInputs, ResidualMeasurement

Array = npt.NDArray[np.float64]


class NoLearner:
    """Always predicts that the nominal model is right."""

    def predict(self, inputs: LearnerInputs) -> Array:
        """Return zero wrenches.

        Args:
            inputs: States along the horizon, N nodes.

        Returns:
            Zeros, shape (N, 6) [N, N·m].
        """
        return np.zeros((inputs.state.shape[0], 6))

    def update(self, measurement: ResidualMeasurement) -> None:
        """Learn nothing.

        Args:
            measurement: One control interval.
        """

    def reset(self) -> None:
        """Forget nothing, for there is nothing."""

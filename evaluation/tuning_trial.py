"""One run of one setting of a method."""

from dataclasses import dataclass
from pathlib import Path

from controllers.quadruped.controller import LocomotionConfig
from controllers.residual.catalog import make_learner
from controllers.residual.learner import ResidualLearner
from controllers.robot.catalog import load_robot
from evaluation.results import Row
from evaluation.rollout import RolloutConfig, run
from evaluation.suite import Trial
from evaluation.tuning_cost import errors
from evaluation.tuning_spaces import Setting


@dataclass(frozen=True)
class TuningTrial(Trial):
    """A run to be made; `method` is the name of the method and the number of the setting.

    Attributes:
        setting: What is tried.
    """

    setting: Setting

    @property
    def config(self) -> RolloutConfig:
        """How it is run."""
        return RolloutConfig(LocomotionConfig(learner=self.setting.preset), estimator=self.estimator)

    def learner(self, robot: str) -> ResidualLearner:
        """Make the learner, as a suite would make it by name.

        Args:
            robot: Name of the robot.

        Returns:
            The learner, knowing nothing yet.
        """
        body, seed = load_robot(robot), self.config.locomotion.learner_seed
        return make_learner(self.setting.preset, body.mass, body.inertia, seed, **self.setting.values)


def perform(trial: TuningTrial, trace: Path | None = None) -> Row:
    """Run one setting on one case.

    Args:
        trial: What to run.
        trace: Not used: no curves are kept of tuning.

    Returns:
        Its errors.
    """
    scenario = trial.case.build(trial.seed)
    log = run(scenario, trial.config, trial.learner(scenario.robot))
    return Row(trial.method, trial.case.name, trial.seed, errors(log, trial.case.window(scenario)))

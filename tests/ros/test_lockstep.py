import numpy as np
import pytest
from recorded import Recording, nanoseconds

from controllers.quadruped.controller import LocomotionConfig
from evaluation.rollout import Rollout, RolloutConfig
from sim.scenarios import get_scenario

pytestmark = pytest.mark.timeout(90, func_only=True)

SEED = 5
ODOM = """
/**/gatekeeper_node:
  ros__parameters: {auto_arm: true}
/**/estimator_node:
  ros__parameters: {publish_period_s: 0.0}
/**/mpc_node:
  ros__parameters: {estimator: odom}
"""


@pytest.fixture(scope="module")
def expected(compiled_kernels):
    """True pose of the base by time [ns], from the same scenario in this process, without ROS."""
    config = RolloutConfig(LocomotionConfig(learner="pronk", learner_seed=SEED))
    rollout = Rollout(get_scenario("short_walk", "go2", SEED), config)
    truths = []
    while not rollout.done:
        truths.append(rollout.tick().truth)
    truths.append(rollout.backend.ground_truth())
    return {round(t.time * 1e9): np.concatenate([t.position_world, t.orientation]) for t in truths}


@pytest.mark.parametrize("estimate", ["internal", "odom"])
def test_the_processes_walk_exactly_as_the_cores_alone(launch_go2, expected, tmp_path, estimate):
    arguments = {"lockstep": "true", "seed": str(SEED)}
    if estimate == "odom":
        (tmp_path / "odom.yaml").write_text(ODOM)
        arguments["params_file"] = str(tmp_path / "odom.yaml")
    program = launch_go2(**arguments)
    assert program.wait(60.0) == 0, program.text
    stamps, errors = [], []
    for message in Recording(tmp_path / "bag").messages("/ground_truth/odom"):
        p, q = message.pose.pose.position, message.pose.pose.orientation
        stamps.append(nanoseconds(message.header.stamp))
        errors.append(np.array([p.x, p.y, p.z, q.w, q.x, q.y, q.z]) - expected[stamps[-1]])
    assert stamps == list(range(0, 3_500_000_001, 10_000_000))
    assert np.abs(errors).max() <= 1e-9
    # The run is worth comparing: the robot stood up and walked.
    end = expected[3_500_000_000]
    assert end[0] > 0.15 and end[2] > 0.25

import itertools

import numpy as np
import pytest
from recorded import Recording, nanoseconds, seconds

from controllers.quadruped.gait import GAITS
from controllers.robot.joints import JOINT_NAMES

pytestmark = pytest.mark.timeout(90, func_only=True)

NODES = ("sim_node", "estimator_node", "mpc_node", "gatekeeper_node", "recorder_node")
RELATIVE = (
    *("joint_states", "imu/data", "odom", "foot_contacts", "cmd_vel", "body_command", "joint_commands"),
    *("motor_commands", "gatekeeper_state", "residual_wrench", "load_wrench", "controller_state"),
    *("sim_state", "ground_truth/odom", "ground_truth/wrench", "ground_truth/payload"),
)


@pytest.fixture(scope="module")
def run(request, compiled_kernels, shared_processes, tmp_path_factory):
    """A real-time run of the short scenario: the program and what it recorded."""
    folder = tmp_path_factory.mktemp("live")
    program = shared_processes[0](
        *("-m", "pronk_bringup.runner", str(request.config.rootpath / "launch" / "go2_sim.launch.yaml")),
        *("scenario:=short_walk", f"bag:={folder / 'bag'}", "--time-limit", "50"),
    )
    code = program.wait(60.0)
    return program, code, Recording(folder / "bag")


def test_a_live_run_ends_by_itself_with_success_and_a_robot_on_its_feet(run):
    program, code, bag = run
    assert code == 0, program.text
    assert "the robot did not fall" in program.text
    assert bag.numbers("/sim_state", "fell")[-1] == 0.0
    end = bag.messages("/ground_truth/odom")[-1].pose.pose.position
    assert end.x > 0.15 and end.z > 0.25


def test_a_bag_holds_every_topic_of_the_run(run):
    expected = {*(f"/{name}" for name in RELATIVE), "/diagnostics", "/clock"}
    assert set(run[2].by_topic) == expected


def test_no_reading_is_lost_on_the_way_to_the_bag(run):
    stamps = [nanoseconds(message.header.stamp) for message in run[2].messages("/joint_states")]
    assert stamps == list(range(0, 3_500_000_000, 2_000_000))
    assert list(run[2].messages("/joint_states")[0].name) == list(JOINT_NAMES)


def test_the_clock_never_runs_backwards(run):
    times = [nanoseconds(message.clock) for message in run[2].messages("/clock")]
    assert len(times) > 300 and all(a < b for a, b in itertools.pairwise(times))


def test_the_residual_wrench_is_finite_and_names_its_frame(run):
    messages = run[2].messages("/residual_wrench")
    assert {message.header.frame_id for message in messages} == {"base_link_heading"}
    forces = np.array([[m.wrench.force.x, m.wrench.force.y, m.wrench.force.z] for m in messages])
    assert np.isfinite(forces).all() and forces.any()
    # Without a payload nothing heavy may be found: what is left over whole cycles of the gait is small.
    stamps = np.array([nanoseconds(m.header.stamp) for m in messages]) * 1e-9
    cycles = forces[(stamps > stamps[-1] - 2 * GAITS["trot"].period)]
    assert np.abs(cycles.mean(axis=0)).max() < 20.0


def test_every_node_reports_its_health(run):
    statuses = [status for message in run[2].messages("/diagnostics") for status in message.status]
    assert {status.name for status in statuses} == {f"/{name}" for name in NODES}
    last = {status.name: {pair.key: pair.value for pair in status.values} for status in statuses}
    assert last["/mpc_node"]["refused_inputs"] == last["/gatekeeper_node"]["refused_messages"] == "0"
    assert last["/mpc_node"]["solver_failures"] == "0" and int(last["/mpc_node"]["plans"]) > 50


def test_the_estimate_follows_the_truth(run):
    def height(topic):
        return {round(seconds(m.header.stamp), 2): m.pose.pose.position.z for m in run[2].messages(topic)}

    estimate, truth = height("/odom"), height("/ground_truth/odom")
    common = [t for t in estimate if t in truth and t > 2.3]
    assert len(common) > 50
    # Both are heights over the same ground, up to the foot radius and the compliance of the ground.
    offset = np.array([estimate[t] - truth[t] for t in common])
    assert np.ptp(offset) < 0.03


def test_a_live_run_works_in_a_namespace(launch_go2, tmp_path):
    program = launch_go2(namespace="robot_1")
    assert program.wait(60.0) == 0, program.text
    assert "the robot did not fall" in program.text
    bag = Recording(tmp_path / "bag")
    assert set(bag.by_topic) == {*(f"/robot_1/{name}" for name in RELATIVE), "/diagnostics", "/clock"}
    assert bag.messages("/robot_1/ground_truth/odom")[-1].pose.pose.position.x > 0.15
    names = {status.name for message in bag.messages("/diagnostics") for status in message.status}
    assert names == {f"/robot_1/{name}" for name in NODES}


def test_the_load_that_is_told_does_not_swing_with_the_gait(run):
    def vertical(topic):
        messages = run[2].messages(topic)
        stamps = np.array([nanoseconds(m.header.stamp) for m in messages]) * 1e-9
        last = stamps > stamps[-1] - 2 * GAITS["trot"].period
        return stamps, np.array([m.wrench.force.z for m in messages])[last]

    (times, residual), (told, load) = vertical("/residual_wrench"), vertical("/load_wrench")
    assert np.array_equal(times, told)
    assert np.isfinite(load).all() and load.any()
    assert load.std() < 0.5 * residual.std()

import signal

import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from recorded import Recording

pytestmark = pytest.mark.timeout(200, func_only=True)


@pytest.fixture
def launch_hardware(request, compiled_kernels, start, tmp_path):
    def run(**arguments):
        chosen = {"backend": "fake_go2", "bag": str(tmp_path / "bag"), **arguments}
        words = [f"{name}:={value}" for name, value in chosen.items()]
        file = str(request.config.rootpath / "launch" / "go2_hardware.launch.yaml")
        return start("-m", "pronk_bringup.runner", file, *words, "--time-limit", "150", cwd=tmp_path)

    return run


def test_the_hardware_launch_walks_a_fake_robot_and_lays_it_down(launch_hardware, tmp_path):
    program = launch_hardware()
    assert program.wait(170.0) == 0, program.text
    assert "scenario 'first_steps' is over: the robot did not fall" in program.text
    bag = Recording(tmp_path / "bag")
    truth = bag.messages("/ground_truth/odom")
    height = np.array([m.pose.pose.position.z for m in truth])
    assert height[0] < 0.15 and height.max() > 0.28 and height[-1] < 0.15
    assert max(m.pose.pose.position.x for m in truth) > 0.4
    # Every command was signed, well formed and beside nobody else's.
    assert bag.numbers("/sim_state", "lowcmd_refused")[-1] == 0.0
    assert bag.numbers("/sim_state", "lowcmd_accepted")[-1] > 3000.0
    states = [m.data for m in bag.messages("/gatekeeper_state")]
    assert states[:2] == ["disarmed: not armed yet", "armed: armed"]


def set_parameter(peer, node, name, value):
    client = peer.client(f"{node}/set_parameters", SetParameters)
    peer.until(client.service_is_ready, 10.0, "the parameter service")
    parameter = Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value))
    future = client.call_async(SetParameters.Request(parameters=[parameter]))
    peer.until(future.done, 10.0, "the answer")
    assert future.result().results[0].successful, future.result().results[0].reason


def test_a_hot_motor_sits_the_walking_robot_down_and_stops_the_gatekeeper(launch_hardware, peer):
    peer.hear("ground_truth/odom", "gatekeeper_state", "/diagnostics")
    program = launch_hardware(exit_at_end="false", record="false", scenario="flat_walk")

    def height():
        inbox = peer.heard["ground_truth/odom"]
        return inbox[-1][1].pose.pose.position.z if inbox else 0.0

    peer.until(lambda: height() > 0.28, 90.0, "standing")
    set_parameter(peer, "fake_go2_node", "motor_temperature", 95)
    peer.until(lambda: "sat down" in program.text, 40.0, "sitting down")
    peer.until(lambda: height() < 0.15, 5.0, "lying")
    assert "sitting: motor of RL_calf_joint has 95 °C, allowed 85 °C" in program.text
    peer.until(lambda: peer.newest("gatekeeper_state").data.startswith("stopped"), 5.0, "a stopped gatekeeper")
    q = peer.newest("ground_truth/odom").pose.pose.orientation
    assert np.hypot(q.x, q.y) < 0.2
    program.send(signal.SIGINT)
    assert program.wait(30.0) == 0, program.text

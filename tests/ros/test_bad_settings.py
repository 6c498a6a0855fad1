import re

import pytest

pytestmark = [pytest.mark.shared, pytest.mark.timeout(120, func_only=True)]


def complaints(program):
    """What the nodes complain about, without what the interpreter of a process says that is stopped while it starts."""
    lines = [(line, re.sub(r"^\[.*?\] +", "", line)) for line in program.text.splitlines()]
    return [(line, text) for line, text in lines if "error: " in text and not text.startswith("Fatal Python error: ")]


def surprises(program):
    """Traces of processes that complain, those left out whose libraries were being loaded when they were stopped."""
    lines = program.text.splitlines()
    complaining = {line.split("]")[0] for line, _ in complaints(program)}
    interrupted = {line.split("]")[0] for line in lines if re.search("KeyboardInterrupt|initialization failed", line)}
    return [line for line in lines if "Traceback" in line and line.split("]")[0] in complaining - interrupted]


def errors(program):
    return [text for _, text in complaints(program)]


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("robot", "spot", "error: parameter 'robot' must be one of: aliengo, go1, go2; got 'spot'"),
        ("learner", "oracel", "error: parameter 'learner' must be one of: {learners}; got 'oracel'"),
        ("scenario", "moon", "error: parameter 'scenario' must be one of: {scenarios}; got 'moon'"),
    ],
)
def test_an_unknown_name_ends_the_launch_and_lists_what_exists(launch_go2, argument, value, message):
    from controllers.residual.catalog import LEARNERS
    from sim.scenarios import SCENARIOS

    program = launch_go2(**{argument: value})
    assert program.wait(30.0) == 2
    expected = message.format(learners=", ".join(sorted(LEARNERS)), scenarios=", ".join(sorted(SCENARIOS)))
    # Every node that takes the parameter says so, each in one line, and nothing else goes wrong.
    assert set(errors(program)) == {expected}, program.text
    assert not surprises(program)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("default_gait: gallop", "error: parameter 'default_gait' must be one of: rest, sit, crawl, "),
        ("horizont: 10", "error: node 'mpc_node' has no parameter 'horizont'; known: "),
        ("horizon: 10.5", "error: parameter 'horizon' must be of type int, got 10.5 (float)"),
        ("friction: .nan", "error: parameter 'friction' must be finite, got nan"),
    ],
)
def test_a_bad_parameter_file_ends_the_node_with_one_clear_line(start, tmp_path, setting, message):
    path = tmp_path / "bad.yaml"
    path.write_text(f"/**/mpc_node:\n  ros__parameters:\n    {setting}\n")
    program = start("-m", "pronk_locomotion.mpc_node", "--ros-args", "--params-file", str(path))
    assert program.wait(30.0) == 2
    assert len(errors(program)) == 1 and errors(program)[0].startswith(message), program.text
    assert "Traceback" not in program.text


def test_a_bad_parameter_file_ends_the_launch(launch_go2, tmp_path):
    (tmp_path / "bad.yaml").write_text("/**/estimator_node:\n  ros__parameters:\n    foot_sensor: true\n")
    program = launch_go2(params_file=str(tmp_path / "bad.yaml"))
    assert program.wait(30.0) == 2
    (error,) = errors(program)
    assert error.startswith("error: node 'estimator_node' has no parameter 'foot_sensor'; known: foot_sensors, ")


def test_a_parameter_file_that_does_not_exist_is_named_before_anything_starts(launch_go2, tmp_path):
    program = launch_go2(params_file="nowhere.yaml")
    assert program.wait(30.0) == 2
    assert "parameter file 'nowhere.yaml' does not exist" in program.text
    assert not (tmp_path / "bag").exists()


def test_an_unknown_launch_argument_lists_the_declared_ones(launch_go2):
    program = launch_go2(robott="go1")
    assert program.wait(30.0) == 2
    (error,) = errors(program)
    assert error.startswith("error: go2_sim.launch.yaml has no argument robott; declared: bag, discovery, ")
    assert "robot, scenario, seed" in error

import pytest

from controllers.errors import InvalidValue
from sim.case_files import load_cases
from sim.disturbances import Drag, Payload, PeriodicWrench, Wrench
from sim.friction import FrictionPatches
from sim.terrain import Rough

FULL = """
- name: everything
  robot: go1
  duration_s: 12
  command:
    - {at_s: 0, vx: 0.5, vy: 0.1, yaw_rate: 0.2}
    - {at_s: 5.0, vx: 0, gait: pace, body_height: 0.28, roll: 0.05, pitch: -0.05}
  payload: [{at_s: 2, until_s: 6, mass_kg: 5, offset_m: [-0.1, 0, 0.1]}]
  wrench: [{at_s: 7, until_s: 8, force_n: [0, 40, 0], torque_nm: [0, 0, 2], frame: body}]
  periodic: [{at_s: 8, until_s: 9, force_n: [0, 0, 30], period_s: 0.44}]
  leg_strength: [1, 1, 0.85, 1]
  drag: [{at_s: 9, linear: [0, 60, 0], quadratic: [120, 0, 0]}]
  terrain: {kind: rough, peak_to_peak_m: 0.04, seed: 2}
  friction: {kind: patches, width_m: 0.3, values: [0.6, 0.3]}
  sensors: {delay_ticks: 2, foot_sensors: false}
  initial_pose: lie
  seed: 7
- name: small
  duration_s: 3.0
  command: [{vx: 0.3}]
"""


def write(tmp_path, text):
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    return path


def test_a_case_file_describes_scenarios(tmp_path):
    full, small = load_cases(write(tmp_path, FULL))
    assert (full.name, full.robot, full.duration_s, full.seed, full.initial_pose) == (
        "everything",
        "go1",
        12.0,
        7,
        "lie",
    )
    assert full.command(1.0).gait == "trot"
    assert (full.command(1.0).velocity_x, full.command(1.0).velocity_y, full.command(1.0).yaw_rate) == (0.5, 0.1, 0.2)
    late = full.command(5.0)
    assert (late.velocity_x, late.gait, late.body_height, late.roll, late.pitch) == (0.0, "pace", 0.28, 0.05, -0.05)
    assert full.disturbances == (
        Payload(5.0, (-0.1, 0.0, 0.1), 2.0, 6.0),
        Wrench((0.0, 40.0, 0.0), (0.0, 0.0, 2.0), 7.0, 8.0, "body"),
        PeriodicWrench((0.0, 0.0, 30.0), period_s=0.44, at_s=8.0, until_s=9.0),
        Drag((0.0, 60.0, 0.0), (120.0, 0.0, 0.0), 9.0, None, "body"),
    )
    assert full.leg_strength == full.sim_config().leg_strength == (1.0, 1.0, 0.85, 1.0)
    assert small.leg_strength == (1.0, 1.0, 1.0, 1.0)
    assert full.terrain == Rough(0.04, seed=2)
    assert full.friction == FrictionPatches(0.3, (0.6, 0.3))
    assert full.sensors.delay_ticks == 2 and not full.sensors.foot_sensors
    assert (small.robot, small.seed, small.initial_pose) == ("go2", 0, "stand")
    assert small.command(0.0).velocity_x == 0.3


CASE = "- {{name: a, duration_s: 3, command: [{{at_s: 0}}], {more}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CASE.format(more="colour: 3"), r"cases.yaml, case 1 \('a'\): case has the unknown key 'colour'; known: name,"),
        (
            "- {name: a, duration_s: 3, command: [{vq: 1}]}",
            r"case 1 \('a'\): command has the unknown key 'vq'; known: at_s, vx, vy, yaw_rate, gait, body_height",
        ),
        (CASE.format(more="payload: [{at_s: 1}]"), r"\('a'\): payload lacks the key 'mass_kg'"),
        (CASE.format(more="payload: [{mass_kg: heavy}]"), r"payload.mass_kg must be of type float, got 'heavy'"),
        (CASE.format(more="payload: [{mass_kg: -2}]"), r"\('a'\): Payload.mass_kg must be finite and > 0, got -2.0"),
        (CASE.format(more="payload: {mass_kg: 2}"), r"\('a'\): payload must be a list, got dict"),
        (CASE.format(more="wrench: [{force_n: [1, 2]}]"), r"wrench.force_n must be a list of 3 numbers, got \[1, 2\]"),
        (CASE.format(more="wrench: [{frame: map}]"), "Wrench.frame must be one of world, body, got 'map'"),
        (CASE.format(more="leg_strength: [1, 1, 2, 1]"), r"leg_strength must be four numbers in \(0, 1\], got"),
        (CASE.format(more="leg_strength: [1, 1]"), r"leg_strength must be a list of 4 numbers, got \[1, 1\]"),
        (CASE.format(more="periodic: [{period_s: 0}]"), r"PeriodicWrench.period_s must be finite and > 0, got 0.0"),
        (CASE.format(more="terrain: {kind: lava}"), "unknown terrain kind 'lava'; available: flat, rough, slope"),
        (CASE.format(more="terrain: flat"), "terrain must be a mapping with the key 'kind'"),
        (
            CASE.format(more="terrain: {kind: slope, angle: 3}"),
            "slope has the unknown key 'angle'; known: angle_deg",
        ),
        (
            CASE.format(more="friction: {kind: patches, values: 3}"),
            "must be a list of any number of numbers, got 3",
        ),
        (CASE.format(more="robot: cat"), "unknown robot 'cat'; available: aliengo, go1, go2"),
        (CASE.format(more="seed: true"), "seed must be of type int, got True"),
        ("- {name: a, command: [{at_s: 0}]}", "case lacks the key 'duration_s'"),
        ("- {name: a, duration_s: 3, command: []}", r"commands must have increasing times >= 0, got no command"),
        ("- 3", r"case 1 \('\?'\): case must be a mapping, got int"),
        ("name: a", "must hold a list of at least one case, got dict"),
        ("- [", "is not valid YAML"),
        (
            "- &x {name: a, duration_s: 3, command: [{at_s: 0}]}\n- *x",
            r"case 2 \('a'\): name occurs twice",
        ),
    ],
)
def test_a_mistake_in_a_case_is_told_with_the_name_of_the_case(tmp_path, text, message):
    with pytest.raises(InvalidValue, match=message):
        load_cases(write(tmp_path, text))


def test_a_missing_case_file_is_told(tmp_path):
    with pytest.raises(InvalidValue, match=r"cannot read the case file .*none.yaml: No such file"):
        load_cases(tmp_path / "none.yaml")

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from simulated_robot import impedance

from controllers.errors import InvalidValue
from sim.disturbances import push
from sim.envs import ENV_ID, FALL_PENALTY, VelocityEnv
from sim.sensors import SensorConfig


class Stander:
    """A controller that ignores its command but remembers it."""

    def __init__(self, env_box):
        self._env_box = env_box
        self.commands = []

    def step(self, state, command, time):
        self.commands.append((command, time))
        return impedance(self._env_box[0].backend), None


def velocity_env():
    box, made = [], []

    def factory(robot, period):
        made.append((robot, period, Stander(box)))
        return made[-1][2]

    env = VelocityEnv(action_mode="velocity", controller_factory=factory)
    box.append(env)
    return env, made


@pytest.mark.filterwarnings("ignore:.*render")
def test_the_environment_passes_the_checker_of_gymnasium():
    env = gymnasium.make(ENV_ID, render_mode="rgb_array", size=(96, 64))
    check_env(env.unwrapped)
    env.close()


@pytest.mark.filterwarnings("ignore:.*render")
def test_the_velocity_mode_passes_the_checker_of_gymnasium():
    env, _ = velocity_env()
    check_env(env, skip_render_check=True)


def test_an_episode_ends_after_twenty_seconds():
    env = gymnasium.make(ENV_ID)
    assert env.spec.max_episode_steps * 0.02 == 20.0


def test_doing_nothing_stands_and_is_rewarded_for_a_target_of_zero():
    env = VelocityEnv(sensors=SensorConfig.ideal())
    env.reset(seed=0, options={"target": (0.0, 0.0, 0.0)})
    rewards = []
    for _ in range(100):
        observation, reward, fell, truncated, info = env.step(np.zeros(12))
        rewards.append(reward)
        assert not fell and not truncated
    # 1.5 is the most that tracking pays; standing costs some torque.
    assert 1.3 < rewards[-1] <= 1.5
    assert info["height"] == pytest.approx(0.28, abs=0.02)
    assert observation[3:6] == pytest.approx([0.0, 0.0, -1.0], abs=0.1)


def test_standing_still_pays_less_for_a_target_of_one_metre_per_second():
    env = VelocityEnv(sensors=SensorConfig.ideal())
    env.reset(seed=0, options={"target": (1.0, 0.0, 0.0)})
    for _ in range(50):
        reward = env.step(np.zeros(12))[1]
    # exp(-1 / 0.25) for the velocity, 0.5 for not turning.
    assert reward == pytest.approx(np.exp(-4.0) + 0.5, abs=0.15)


def test_an_action_is_a_joint_target_around_the_standing_pose():
    env = VelocityEnv(sensors=SensorConfig.ideal())
    env.reset(seed=0)
    action = np.zeros(12)
    action[2] = -0.4
    env.step(action)
    state = env.backend.read()
    wanted = env.backend.description.standing_position[2] - 0.2
    before_last = 40.0 * (wanted - state.joint_position[2]) - 1.0 * state.joint_velocity[2]
    assert state.joint_effort[2] == pytest.approx(before_last, abs=0.8)


def test_a_fall_ends_the_episode_and_costs():
    env = VelocityEnv(disturbances=(push(0.1, (0.0, 900.0, 0.0), 0.2),))
    env.reset(seed=0, options={"target": (0.0, 0.0, 0.0)})
    falls = []
    while not any(falls) and len(falls) < 100:
        _, reward, fell, _, _ = env.step(np.zeros(12))
        falls.append(fell)
    assert falls[-1] and len(falls) > 5 and reward < -FALL_PENALTY + 1.5


def test_observations_hold_no_secret_of_the_simulator():
    env = VelocityEnv(sensors=SensorConfig.ideal())
    observation, _ = env.reset(seed=3, options={"target": (0.1, 0.2, 0.3)})
    state = env.backend.read()
    expected = [
        *[0.1, 0.2, 0.3],
        *[0.0, 0.0, -1.0],
        *state.angular_velocity_body,
        *(state.joint_position - env.backend.description.standing_position),
        *(0.1 * state.joint_velocity),
        *np.zeros(12),
    ]
    assert observation == pytest.approx(np.array(expected), abs=1e-6)


def test_the_same_seed_gives_the_same_episode():
    def run(seed):
        env = VelocityEnv()
        rows = [env.reset(seed=seed)[0]]
        rng = np.random.default_rng(0)
        for _ in range(20):
            rows.append(env.step(rng.uniform(-0.3, 0.3, 12))[0])
        return np.array(rows)

    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_the_velocity_mode_hands_the_command_to_a_fresh_controller():
    env, made = velocity_env()
    env.reset(seed=0)
    env.step(np.array([0.5, -1.0, 0.2]))
    env.reset(seed=1)
    assert [(robot, period) for robot, period, _ in made] == [("go2", 0.002)] * 2
    commands = made[0][2].commands
    assert len(commands) == 10 and not made[1][2].commands
    command, time = commands[0]
    assert (command.velocity_x, command.velocity_y, command.yaw_rate) == pytest.approx((0.5, -0.4, 0.2))
    assert time == 0.0 and commands[1][1] == 0.002


def test_a_picture_is_drawn_in_the_mode_rgb_array_only():
    env = VelocityEnv(render_mode="rgb_array", size=(96, 64))
    env.reset(seed=0)
    assert env.render().shape == (64, 96, 3)
    env.close()
    env.close()
    silent = VelocityEnv()
    silent.reset(seed=0)
    assert silent.render() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action_mode": "torque"}, "action_mode must be one of joint_targets, velocity, got 'torque'"),
        (
            {"action_mode": "velocity"},
            "got none in the mode 'velocity'",
        ),
        ({"controller_factory": Stander}, "got one in the mode 'joint_targets'"),
        ({"render_mode": "human"}, "render_mode must be None or rgb_array, got 'human'"),
    ],
)
def test_an_impossible_environment_is_refused(options, message):
    with pytest.raises(InvalidValue, match=message):
        VelocityEnv(**options)


def test_bad_actions_and_options_are_refused():
    env = VelocityEnv()
    with pytest.raises(InvalidValue, match="unknown reset options: goal; known: target"):
        env.reset(options={"goal": 1})
    with pytest.raises(InvalidValue, match=r"the option target must be three finite numbers, got \[1, 2\]"):
        env.reset(options={"target": [1, 2]})
    env.reset(seed=0)
    with pytest.raises(InvalidValue, match=r"an action must be finite with shape \(12,\)"):
        env.step(np.full(12, np.nan))

"""Gymnasium environment: follow a velocity with a quadruped."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import JointCommand, LocomotionCommand, RobotState
from sim.disturbances import Disturbance
from sim.friction import Friction
from sim.ground_truth import GroundTruth, has_fallen
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.render import Frame, SceneRenderer
from sim.sensors import SensorConfig
from sim.terrain import Terrain

Array = npt.NDArray[np.float64]
Observation = npt.NDArray[np.float32]

ENV_ID = "Pronk/Go2Velocity-v0"
ACTION_MODES = ("joint_targets", "velocity")
PHYSICS_DT = 0.002
TICKS_PER_STEP = 10
EPISODE_STEPS = 1000
JOINT_SCALE_RAD = 0.5
STIFFNESS = 40.0
DAMPING = 1.0
# Largest forward, leftward [m/s] and turning [rad/s] velocity, of targets and of actions in the mode "velocity".
VELOCITY_SCALE = np.array([1.0, 0.4, 1.0])
TRACKING_WIDTH = 0.25
FALL_PENALTY = 10.0
LIMIT = 100.0


class LocomotionController(Protocol):
    """What drives the legs in the mode "velocity"."""

    def step(self, state: RobotState, command: LocomotionCommand, time: float) -> tuple[JointCommand, Any]:
        """Answer a reading with joint commands and whatever else."""
        ...


class VelocityEnv(gymnasium.Env[Observation, Observation]):
    """A quadruped on its feet is rewarded for moving at a target velocity; 50 actions per second.

    Actions lie in [-1, 1]. In the mode "joint_targets" they are 12 joint angles around the standing pose, in units
    of `JOINT_SCALE_RAD`, held by position control. In the mode "velocity" they are the velocity command (forward,
    left, turn; in units of `VELOCITY_SCALE`) of a locomotion controller that the caller brings along.

    Observations hold only what the sensors tell: target velocity (3), gravity direction in the base frame (3), gyro
    (3), joint angles from the standing pose (12), joint rates / 10 (12), the previous action (12 or 3). Body velocity
    (3), height, external wrench (6) and foot forces (4, 3) are true values in the info, for training only.

    The reward of a step is exp(-e²/w) for the horizontal velocity error e, plus half of that for the turning rate, less
    small costs for rolling, pitching, bouncing, torque and abrupt actions. A fall ends the episode and costs
    `FALL_PENALTY`.

    Args:
        robot: Name of the robot.
        action_mode: "joint_targets" or "velocity".
        controller_factory: For the mode "velocity": called with the robot's name and the control period [s] at every
            reset, returns the controller.
        terrain: The ground.
        friction: Of the feet on the ground.
        disturbances: Payloads and wrenches of every episode.
        sensors: Noise and delay.
        render_mode: None or "rgb_array".
        size: Width and height of pictures [pixel].

    Raises:
        InvalidValue: The mode is unknown, or the mode "velocity" has no controller.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(
        self,
        robot: str = "go2",
        action_mode: str = "joint_targets",
        controller_factory: Callable[[str, float], LocomotionController] | None = None,
        terrain: Terrain | None = None,
        friction: Friction | None = None,
        disturbances: Sequence[Disturbance] = (),
        sensors: SensorConfig | None = None,
        render_mode: str | None = None,
        size: tuple[int, int] = (640, 480),
    ) -> None:
        if action_mode not in ACTION_MODES:
            raise InvalidValue(f"action_mode must be one of {', '.join(ACTION_MODES)}, got '{action_mode}'")
        if (action_mode == "velocity") != (controller_factory is not None):
            raise InvalidValue(
                "controller_factory must be given exactly in the action mode 'velocity', "
                f"got {'none' if controller_factory is None else 'one'} in the mode '{action_mode}'"
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise InvalidValue(f"render_mode must be None or rgb_array, got '{render_mode}'")
        self.render_mode = render_mode
        self._size = size
        self._factory = controller_factory
        self._ticks = TICKS_PER_STEP if controller_factory else 1
        config = SimConfig(
            physics_dt=PHYSICS_DT,
            control_dt=PHYSICS_DT * TICKS_PER_STEP / self._ticks,
            sensors=sensors or SensorConfig(),
            initial_pose="stand",
        )
        self.backend = MujocoQuadruped(robot, config, terrain, friction, disturbances)
        self._standing = self.backend.description.standing_position
        actions = 3 if controller_factory else 12
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (actions,), np.float32)
        self.observation_space = gymnasium.spaces.Box(-LIMIT, LIMIT, (33 + actions,), np.float32)
        self._controller: LocomotionController | None = None
        self._target = np.zeros(3)
        self._last_action = np.zeros(actions)
        self._renderer: SceneRenderer | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Put the robot on its feet and draw a target velocity.

        Args:
            seed: Seeds targets and sensor noise.
            options: "target": forward, leftward velocity [m/s] and turning rate [rad/s] instead of a drawn one.

        Returns:
            Observation and info.

        Raises:
            InvalidValue: An option is unknown or the target is not three finite numbers.
        """
        super().reset(seed=seed)
        options = options or {}
        unknown = sorted(set(options) - {"target"})
        if unknown:
            raise InvalidValue(f"unknown reset options: {', '.join(unknown)}; known: target")
        drawn = self.np_random.uniform(-1.0, 1.0, 3) * VELOCITY_SCALE
        self._target = np.array(options.get("target", drawn), dtype=float)
        if self._target.shape != (3,) or not np.isfinite(self._target).all():
            raise InvalidValue(f"the option target must be three finite numbers, got {options['target']}")
        state = self.backend.reset(self.np_random)
        self._last_action = np.zeros(self.action_space.shape[0])
        if self._factory is not None:
            self._controller = self._factory(self.backend.description.name, self.backend.control_period)
        return self._observe(state), self._info(self.backend.ground_truth())

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act for one fiftieth of a second.

        Args:
            action: In [-1, 1], shape (12,) or (3,) by the mode; beyond is clipped.

        Returns:
            Observation, reward, whether the robot fell, False, info.

        Raises:
            InvalidValue: The action has the wrong shape or is not finite.
        """
        action = np.asarray(action, dtype=float)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise InvalidValue(f"an action must be finite with shape {self.action_space.shape}, got {action}")
        action = np.clip(action, -1.0, 1.0)
        for _ in range(self._ticks):
            self.backend.write(self._joint_command(action))
            self.backend.advance()
        truth = self.backend.ground_truth()
        fell = has_fallen(truth)
        reward = self._reward(truth, action) - FALL_PENALTY * fell
        self._last_action = action
        return self._observe(self.backend.read()), reward, fell, False, self._info(truth)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Draw the robot.

        Returns:
            Pixels, shape (height, width, 3); None without a render mode.
        """
        if self.render_mode is None:
            return None
        if self._renderer is None:
            backend = self.backend
            self._renderer = SceneRenderer(backend.description.name, backend.terrain, backend.friction, self._size)
        truth = self.backend.ground_truth()
        return self._renderer.render(
            Frame(
                truth.time,
                truth.position_world,
                truth.orientation,
                truth.joint_position,
                self.backend.payloads,
                truth=truth.external_wrench_world,
            )
        )

    def close(self) -> None:
        """Free the renderer; calling it twice is harmless."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self.backend.close()

    def _joint_command(self, action: Array) -> JointCommand:
        if self._controller is not None:
            vx, vy, yaw_rate = (action * VELOCITY_SCALE).tolist()
            command = LocomotionCommand(vx, vy, yaw_rate, gait="trot")
            state = self.backend.read()
            return self._controller.step(state, command, state.time)[0]
        robot = self.backend.description
        target = np.clip(self._standing + JOINT_SCALE_RAD * action, robot.joint_lower, robot.joint_upper)
        zero = np.zeros(12)
        return JointCommand(self.backend.time, target, zero, zero, np.full(12, STIFFNESS), np.full(12, DAMPING))

    def _observe(self, state: RobotState) -> Observation:
        w, x, y, z = state.orientation.tolist()
        # Third row of the rotation matrix: the world's downward direction seen from the base.
        gravity = -np.array([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)])
        parts = (
            self._target,
            gravity,
            state.angular_velocity_body,
            state.joint_position - self._standing,
            0.1 * state.joint_velocity,
            self._last_action,
        )
        return np.clip(np.concatenate(parts), -LIMIT, LIMIT).astype(np.float32)

    def _reward(self, truth: GroundTruth, action: Array) -> float:
        error = truth.velocity_body[:2] - self._target[:2]
        turn = truth.angular_velocity_body[2] - self._target[2]
        tracking = math.exp(-float(error @ error) / TRACKING_WIDTH)
        turning = math.exp(-float(turn * turn) / TRACKING_WIDTH)
        change = action - self._last_action
        cost = 0.05 * float(truth.angular_velocity_body[:2] @ truth.angular_velocity_body[:2])
        cost += 1.0 * float(truth.velocity_world[2] ** 2)
        cost += 1e-4 * float(truth.joint_effort @ truth.joint_effort)
        cost += 0.01 * float(change @ change)
        return tracking + 0.5 * turning - cost

    def _info(self, truth: GroundTruth) -> dict[str, Any]:
        return {
            "target": self._target.copy(),
            "velocity_body": truth.velocity_body,
            "height": truth.height,
            "external_wrench_world": truth.external_wrench_world,
            "foot_force_world": truth.foot_force_world,
        }


if ENV_ID not in gymnasium.registry:
    gymnasium.register(ENV_ID, entry_point="sim.envs:VelocityEnv", max_episode_steps=EPISODE_STEPS)

"""Manipulation: the Sawyer arm of MetaWorld with its fifty tasks, seen by cameras and moved by displacements.

MetaWorld 3.1.1 declares an older MuJoCo than Pronk needs, but runs with it (see `_Welds`); so it is installed without
its dependencies: `pip install --no-deps metaworld==3.1.1`.
"""

import copy
import warnings
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel
from sim.episodic_world import EpisodicWorld
from sim.image_world import POSE, Observation, WorldConfig, check_action
from sim.manipulation_view import CAMERAS, ManipulationView
from sim.world_tasks import MANIPULATION

Array = npt.NDArray[np.float64]

INSTALLATION = "pip install --no-deps metaworld==3.1.1"
SUFFIX = "-v3"
# A full action moves the target of the hand by this much along each axis [m].
REACH = 0.01
# MetaWorld's reward of a state, in its second version, lies between 0 and this.
BEST_REWARD = 10.0
# MetaWorld refuses to go on after this.
LONGEST_EPISODE = 500
# Pose of the weld between hand and target that the tasks are made for: anchor, relative pose, torque scale.
WELD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0)


class ManipulationWorld(EpisodicWorld):
    """One task of MetaWorld as a `sim.image_world.World`.

    An action displaces the *target* of the hand, at most 1 cm along each axis; the hand follows with a lag, and stays
    behind while it pushes. The last number commands the gripper: -1 opens, 1 closes.

    The pose is the place of the hand [m] and the opening of the gripper in [0, 1]. The camera "corner4" is that of
    published video planners ("corner2" moved to 0.75, 0.075, 0.7). The marker of the goal is drawn as MetaWorld draws
    it: in tasks such as reach-wall nothing else shows where to go.

    Each seed has a goal and a place of the object of its own, drawn from the task's whole range.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 80}
    name = MANIPULATION
    period = 0.0125
    pose_names = ("x_m", "y_m", "z_m", "gripper_opening")
    has_gripper = True

    def __init__(self, task: str, config: WorldConfig | None = None) -> None:
        """Load the scene.

        Args:
            task: Name of the task, such as "drawer-close".
            config: Settings.

        Raises:
            UnknownName: There is no such task or camera.
            MissingModel: MetaWorld is not installed.
            InvalidValue: The horizon is longer than MetaWorld's.
        """
        super().__init__(task, config, CAMERAS)
        if self.config.horizon > LONGEST_EPISODE:
            raise InvalidValue(f"horizon must be at most {LONGEST_EPISODE} in manipulation, got {self.config.horizon}")
        self._scene, self._policy = _load(task)
        self.workspace = np.array([self._scene.mocap_low, self._scene.mocap_high], dtype=np.float64)
        limit = np.array([REACH, REACH, REACH, 1.0], dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-limit, limit, dtype=np.float32)
        self._view: ManipulationView | None = None
        self._state, self._success = np.zeros(0), False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Decides goal and objects; None draws one.
            options: None are known.

        Returns:
            Observation and info.

        Raises:
            InvalidValue: An option is given.
        """
        self._begin(seed, options)
        self._scene.seed(int(self.np_random.integers(2**31)) if seed is None else seed)
        self._state, _ = self._scene.reset()
        self._success = False
        return self._observe(), self._info(False)

    def step(self, action: npt.NDArray[Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act for one step.

        Args:
            action: Displacement of the hand's target [m] and command to the gripper, shape (4,); beyond is clipped.

        Returns:
            Observation, 1 on the first success, whether success ended the episode, whether the horizon cut it, info.

        Raises:
            InvalidValue: The action has the wrong shape or is not finite.
            ResetNeeded: The episode has not begun or is over.
        """
        self._require_episode()
        command = check_action(action, self.action_space)
        command[:3] /= REACH
        self._state, _, _, _, found = self._scene.step(command)
        success = self._success = bool(found["success"])
        return self._observe(), *self._count(success), self._info(success)

    def expert(self) -> Array:
        """Tell what MetaWorld's scripted policy would do now.

        Returns:
            Action, shape (4,).
        """
        with warnings.catch_warnings():
            # It warns of what it leaves to the environment to clip.
            warnings.simplefilter("ignore", UserWarning)
            action = np.clip(np.asarray(self._policy.get_action(self._state), dtype=np.float64), -1.0, 1.0)
        return np.asarray(action * np.array([REACH, REACH, REACH, 1.0]))

    def save(self) -> Any:
        """Keep the present moment.

        Returns:
            What `load` takes; MetaWorld's own state leaves out the target of the hand and all that tasks remember.
        """
        model, kind = self._scene.model, mujoco.mjtState.mjSTATE_INTEGRATION
        physics = np.empty(mujoco.mj_stateSize(model, kind))
        mujoco.mj_getState(model, self._scene.data, physics, kind)
        # The site that marks the goal is placed by hand and belongs to no state.
        memory = {k: copy.deepcopy(v) for k, v in vars(self._scene).items() if isinstance(v, _REMEMBERED)}
        return (
            physics,
            memory,
            copy.deepcopy(self._policy),
            self._state.copy(),
            self._success,
            self._left,
            self._succeeded,
        )

    def load(self, moment: Any) -> None:
        """Go back to a moment of the same episode.

        Args:
            moment: What `save` returned.
        """
        physics, memory, policy, state, self._success, self._left, self._succeeded = moment
        scene = self._scene
        mujoco.mj_setState(scene.model, scene.data, physics, mujoco.mjtState.mjSTATE_INTEGRATION)
        vars(scene).update(copy.deepcopy(memory))
        mujoco.mj_forward(scene.model, scene.data)
        for site in scene._target_site_config:
            scene._set_pos_site(*site)
        self._policy, self._state = copy.deepcopy(policy), state.copy()

    def progress(self) -> float:
        """Tell how far the task is, by MetaWorld's own reward of the present state.

        That reward goes from 0 to 10 and is small until the hand is at the object; its root spreads the way there.

        Returns:
            Progress in [0, 1]; 1 in a success.
        """
        if self._success:
            return 1.0
        reward = float(self._scene.evaluate_state(self._state, np.zeros(4))[0])
        return float(np.sqrt(np.clip(reward / BEST_REWARD, 0.0, 1.0)))

    def render(self) -> npt.NDArray[np.uint8]:
        """Draw the first camera.

        Returns:
            Pixels, shape (size, size, 3).
        """
        return self.draw(self.cameras[0] if self.cameras else CAMERAS[0])

    def draw(self, camera: str) -> npt.NDArray[np.uint8]:
        """Draw any camera.

        Args:
            camera: Its name.

        Returns:
            Pixels, shape (size, size, 3).

        Raises:
            UnknownName: There is no such camera.
        """
        if self._view is None:
            self._view = ManipulationView(self._scene.model, self.config.size, self.config.look)
        return self._view.draw(self._scene.data, camera)

    def close(self) -> None:
        """Free what draws; calling it twice is harmless."""
        if self._view is not None:
            self._view.close()
            self._view = None

    def _observe(self) -> Observation:
        pictures: Observation = {camera: self.draw(camera) for camera in self.cameras}
        return pictures | {POSE: self._state[:4].astype(np.float32)}

    def _info(self, success: bool) -> dict[str, Any]:
        return {"success": success, "instruction": self.instruction, "state": self._state.copy()}


_REMEMBERED = (np.ndarray, np.generic, int, float, bool, str, tuple, list, type(None))


def _load(task: str) -> tuple[Any, Any]:
    try:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS as scenes
        from metaworld.policies import ENV_POLICY_MAP as policies
    except ImportError as error:
        raise MissingModel(f"manipulation needs MetaWorld ({error}): {INSTALLATION}") from error
    kind = type("Scene", (_Welds, scenes[task + SUFFIX]), {})
    scene = kind()
    # Every reset draws a goal from the whole range, by the seed; observations hold the goal, for the expert.
    scene._set_task_called, scene._freeze_rand_vec, scene.seeded_rand_vec = True, False, True
    scene._partially_observable = False
    vars(scene).pop("sawyer_observation_space", None)
    return scene, policies[task + SUFFIX]()


class _Welds:
    """Sets the welds of a scene by place, since the number of their parameters has grown with MuJoCo."""

    model: Any

    def reset_mocap_welds(self) -> None:
        """Weld the hand to its target."""
        welds = self.model.eq_type == mujoco.mjtEq.mjEQ_WELD
        self.model.eq_data[welds, : len(WELD)] = WELD

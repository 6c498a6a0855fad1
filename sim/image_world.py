"""What the planner asks of a world: pictures, a pose, displacements, an instruction, success."""

from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
# Pictures by camera, shape (size, size, 3), and "pose", shape (P,).
Observation = dict[str, npt.NDArray[Any]]

POSE = "pose"
LARGEST_SIZE = 512


@dataclass(frozen=True)
class WorldConfig:
    """Settings that every world has.

    Attributes:
        size: Width and height of the pictures [pixel].
        cameras: Which pictures an observation holds; None for those of the world.
        horizon: Actions after which an episode is cut.
        end_on_success: Whether success ends an episode; else it goes on to the horizon.
        look: Seed of another look (colours, light, camera), for a world that looks different; None for the usual one.
        linger: Actions that follow the first success before it ends an episode: a demonstration that stops where
            success begins shows how to come near, and not how to be there.
    """

    size: int = 64
    cameras: tuple[str, ...] | None = None
    horizon: int = 200
    end_on_success: bool = True
    look: int | None = None
    linger: int = 0

    def __post_init__(self) -> None:
        """Refuse what no world can do.

        Raises:
            InvalidValue: A number is out of range.
        """
        if not (8 <= self.size <= LARGEST_SIZE and self.size % 2 == 0):
            raise InvalidValue(f"WorldConfig.size must be even and in [8, {LARGEST_SIZE}], got {self.size}")
        if self.horizon < 1:
            raise InvalidValue(f"WorldConfig.horizon must be at least 1, got {self.horizon}")
        if self.linger < 0:
            raise InvalidValue(f"WorldConfig.linger must be at least 0, got {self.linger}")
        if self.look is not None and self.look < 0:
            raise InvalidValue(f"WorldConfig.look must be None or at least 0, got {self.look}")


class World(Protocol):
    """A Gymnasium environment that a planner can be tried in.

    Actions are displacements per step in metres, in the axes of the world, and behind them a command to the gripper in
    [-1, 1] (open, close) where there is one. The reward is 1 on the first step that succeeds, else 0. The info holds
    "success" (of this very state), "instruction" and "state": the true state, for scripted experts and for training.

    Attributes:
        name: "manipulation" or "arena".
        task: Name of the task.
        instruction: What is to be done, in words.
        period: Duration of a step [s].
        cameras: Names of the pictures in an observation.
        pose_names: What the numbers of a pose are; the first ones are the coordinates that actions displace.
        workspace: Least and greatest coordinates that random motion should visit, shape (2, D) [m].
        has_gripper: Whether the last number of an action is a command to a gripper.
        config: Settings.
        observation_space: Of the observations.
        action_space: Of the actions.
    """

    name: str
    task: str
    instruction: str
    period: float
    cameras: tuple[str, ...]
    pose_names: tuple[str, ...]
    workspace: Array
    has_gripper: bool
    config: WorldConfig
    observation_space: gymnasium.spaces.Dict
    action_space: gymnasium.spaces.Box

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; the seed alone decides which."""
        ...

    def step(self, action: npt.NDArray[Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act once."""
        ...

    def expert(self) -> Array:
        """Tell what a scripted expert, who sees the true state, would do now."""
        ...

    def save(self) -> Any:
        """Keep the present moment, to come back to it with `load`."""
        ...

    def load(self, moment: Any) -> None:
        """Go back to a moment of the same episode."""
        ...

    def progress(self) -> float:
        """Tell how far the task is in truth, from 0 to 1 at success, to compare learned progress with."""
        ...

    def render(self) -> Image:
        """Draw the first camera, whether or not observations hold pictures."""
        ...

    def draw(self, camera: str) -> Image:
        """Draw any camera, whether or not observations hold its pictures."""
        ...

    def close(self) -> None:
        """Free what draws; calling it twice is harmless."""
        ...


def check_action(action: npt.NDArray[Any], space: gymnasium.spaces.Box) -> Array:
    """Refuse what is no action, and keep it in range.

    Args:
        action: Displacement and command to the gripper.
        space: Where actions lie.

    Returns:
        The action, clipped to the space.

    Raises:
        InvalidValue: It has the wrong shape or is not finite.
    """
    value = np.asarray(action, dtype=np.float64)
    if value.shape != space.shape or not np.isfinite(value).all():
        raise InvalidValue(f"an action must be finite with shape {space.shape}, got {value}")
    return np.clip(value, space.low, space.high)


def box_downsample(image: Image, factor: int) -> Image:
    """Average squares of pixels.

    Args:
        image: Shape (H, W, 3), both multiples of the factor.
        factor: Side of a square [pixel].

    Returns:
        Shape (H / factor, W / factor, 3).
    """
    if factor == 1:
        return image
    height, width = image.shape[0] // factor, image.shape[1] // factor
    total = image.reshape(height, factor, width, factor, 3).astype(np.uint16).sum(axis=(1, 3))
    return np.asarray((total + factor * factor // 2) // (factor * factor), dtype=np.uint8)

"""One task on its way, whoever carries pictures and displacements: when to plan, from what, and which step is next."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.camera_watch import CameraWatch
from policies.video.commitment import Commitment, CommitmentConfig
from policies.video.execution import way_of
from policies.video.planner import Plan, check_picture

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TaskConfig:
    """Settings of a task.

    Attributes:
        commitment: For how long a plan is followed before the next one is made.
        max_steps: Steps after which it is given up.
        slack: Age of a picture, beside the newest pose, up to which it is planned from at once [s].
        patience: How long to wait for a newer one [s].
        timeout: Age beyond which a picture is refused all the same [s].
        max_step: Greatest displacement along each axis in one step [m].
        finish: A plan that leads less far than this beyond the part that is acted out is acted out to its end [m]: who
            covers its goal when the next picture is taken cannot see it any more.
        within: How near what moves must be to where such a plan ends before the next one is made [m]; 0 does not look.
            Legs lag behind the steps that they are told.
        lag_steps: How many steps it is waited for at most.
    """

    commitment: CommitmentConfig = field(default_factory=CommitmentConfig)
    max_steps: int = 500
    slack: float = 0.05
    patience: float = 0.3
    timeout: float = 0.5
    max_step: float = 0.1
    finish: float = 0.0
    within: float = 0.0
    lag_steps: int = 15

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.max_steps < 1:
            raise InvalidValue(f"TaskConfig.max_steps must be at least 1, got {self.max_steps}")
        if not 0.0 <= self.slack <= self.timeout:
            raise InvalidValue(f"TaskConfig.slack must lie in [0, {self.timeout}], its timeout, got {self.slack}")
        if not self.patience >= 0.0:
            raise InvalidValue(f"TaskConfig.patience must not be negative, got {self.patience}")
        for name in ("finish", "within"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise InvalidValue(f"TaskConfig.{name} must be finite and not negative, got {getattr(self, name)}")
        if self.lag_steps < 0:
            raise InvalidValue(f"TaskConfig.lag_steps must be at least 0, got {self.lag_steps}")
        if not (np.isfinite(self.max_step) and self.max_step > 0.0):
            raise InvalidValue(f"TaskConfig.max_step must be finite and positive, got {self.max_step}")


@dataclass(frozen=True)
class Step:
    """What to do in one step.

    Attributes:
        displacement: Of hand or body, shape (D,) [m].
        gripper: Command from -1 (open) to 1 (close).
    """

    displacement: Array
    gripper: float


class TaskRun:
    """Follows plans as `policies.video.execution.execute` does, for one instruction.

    Attributes:
        instruction: What is to be done.
        rng: All chance of its plans comes from it.
        steps: Steps so far.
        plans: Plans so far.
        frames: Frames imagined so far.
        confidence: Of the newest plan; 0 before the first.
    """

    def __init__(self, instruction: str, size: int, seed: int, config: TaskConfig | None = None) -> None:
        """Begin.

        Args:
            instruction: What is to be done.
            size: Width and height of the pictures that the planner takes [pixel].
            seed: Of the plans' chance.
            config: Settings.

        Raises:
            InvalidValue: The instruction is empty.
        """
        if not instruction.strip():
            raise InvalidValue("an instruction must say what is to be done, got an empty one")
        self.instruction, self.config = instruction.strip(), config or TaskConfig()
        self.rng = np.random.default_rng(seed)
        self.steps = self.plans = self.frames = 0
        self.confidence = 0.0
        self._size, self._watch = size, CameraWatch()
        self._commitment = Commitment(self.config.commitment)
        self._picture: tuple[Image, float] | None = None
        self._pose: tuple[Array, float] | None = None
        self._way: list[tuple[Array, float]] = []
        self._end: tuple[Array, float] | None = None
        self._lag = 0
        self._refusal = "no picture has come: is the camera on?"
        # Whether the last step is done, and not only told.
        self._stands = self._asked = False
        self._wanted_since: float | None = None

    @property
    def over(self) -> bool:
        """Whether all steps are used up."""
        return self.steps >= self.config.max_steps

    @property
    def planning(self) -> bool:
        """Whether a plan was asked for and has not come."""
        return self._asked

    def see(self, image: Image, time: float) -> None:
        """Take a picture.

        Args:
            image: Shape (size, size, 3).
            time: When it was taken [s].

        Raises:
            InvalidValue: It has another size or shows nothing, or is older than the one before.
        """
        try:
            check_picture(image, self._size)
        except InvalidValue as error:
            self._refusal = str(error)
            raise
        if self._picture is not None and time < self._picture[1]:
            raise InvalidValue(f"pictures must come in order, got one of {time:.3f} s after {self._picture[1]:.3f} s")
        self._picture = image, time

    def move(self, position: Array, time: float) -> Step | None:
        """Take where hand or body is, and go on from there.

        Args:
            position: Shape (3,) [m].
            time: When it was there [s].

        Returns:
            The next step; None where a plan is needed first, or all steps are used up.

        Raises:
            InvalidValue: The place is not finite, or the time does not increase.
        """
        if position.shape != (3,) or not np.isfinite(position).all():
            raise InvalidValue(f"a place must be finite with shape (3,), got {position}")
        if self._pose is not None and time <= self._pose[1]:
            raise InvalidValue(f"the time of places must increase, got {time:.3f} s after {self._pose[1]:.3f} s")
        self._pose = position, time
        return self._next()

    def request(self, now: float) -> Image | None:
        """Tell what to plan from, once for each plan that is needed.

        Args:
            now: Time on a steady clock [s].

        Returns:
            The picture; None where no plan is needed, or no good picture is there yet.

        Raises:
            InvalidValue: The picture is old, or the camera frozen; no plan is asked for.
        """
        if not self._stands or self._asked or self.over or self._pose is None:
            return None
        if self._wanted_since is None:
            self._wanted_since = now
        waited = now - self._wanted_since >= self.config.patience
        if self._picture is None:
            if waited:
                raise InvalidValue(self._refusal)
            return None
        image, taken = self._picture
        position, time = self._pose
        age = time - taken
        if age > self.config.slack + 1e-9 and not waited:
            return None
        if age > self.config.timeout:
            raise InvalidValue(
                f"the newest picture is {age:.2f} s older than the newest pose: the camera lags or hangs"
            )
        self._watch.look(image, position)
        self._asked = True
        return image

    def take(self, plan: Plan) -> Step | None:
        """Take the plan that was asked for.

        Args:
            plan: The plan.

        Returns:
            The first step from where hand or body is.

        Raises:
            InvalidValue: No plan was asked for, or it does not fit a hand or body that moves in space.
        """
        if not self._asked or self._pose is None:
            raise InvalidValue("a plan has come that nobody asked for")
        self._asked, self._wanted_since = False, None
        width = plan.displacement.shape[1]
        if width not in (2, 3):
            raise InvalidValue(f"a plan must displace 2 or 3 coordinates, got {width}")
        here, whole = self._pose[0][:width], len(plan.displacement)
        frames = self._commitment.begin(here)
        ends = float(np.linalg.norm(plan.displacement[frames:].sum(axis=0))) <= self.config.finish
        way, gripper = way_of(plan, here, whole if ends and self.config.finish else frames)
        if ends and self.config.within:
            # What is imagined to stand still need not be acted out.
            moves = np.flatnonzero(np.linalg.norm(way - way[-1], axis=1) > self.config.within)
            last = int(moves[-1]) + 1 if len(moves) else frames * plan.steps_per_frame - 1
            way, gripper = np.concatenate([way[:last], way[-1:]]), np.append(gripper[:last], gripper[-1])
        self._way = list(zip(way, gripper.tolist(), strict=True))
        self._end, self._lag = self._way[-1] if ends else None, 0
        self.plans, self.frames = self.plans + 1, self.frames + len(plan.displacement)
        self.confidence = plan.confidence
        return self._next()

    def ahead(self, steps: int) -> Array | None:
        """Tell where the way leads.

        Args:
            steps: How many steps from now; where the plan ends before, its end counts.

        Returns:
            Shape (D,) [m]; None where no plan is being acted out.
        """
        return self._way[min(steps, len(self._way)) - 1][0] if self._way and steps > 0 else None

    def drop(self) -> None:
        """Do without the plan that was asked for, since it could not be made; the next picture is tried."""
        self._asked = False

    def _next(self) -> Step | None:
        if not self._way and self._lags():
            assert self._end is not None
            self._way, self._lag = [self._end], self._lag + 1
        self._stands = not self._way
        if self._stands or self.over or self._pose is None:
            return None
        (target, gripper), self.steps = self._way.pop(0), self.steps + 1
        move = target - self._pose[0][: len(target)]
        return Step(np.clip(move, -self.config.max_step, self.config.max_step), gripper)

    def _lags(self) -> bool:
        """Whether what moves is still on its way to where the last plan ends."""
        if self._end is None or self._pose is None or not self.config.within or self._lag >= self.config.lag_steps:
            return False
        away = self._pose[0][: len(self._end[0])] - self._end[0]
        return float(np.linalg.norm(away)) > self.config.within

"""Parameters of the planner's node."""

from dataclasses import dataclass

from policies.video.commitment import CommitmentConfig
from policies.video.open_video import OPEN
from policies.video.task_run import TaskConfig
from pronk_node_kit.lifecycle import LifecycleParameters
from pronk_node_kit.parameters import ParameterError, param
from pronk_planner.planner_backends import LEARNED, PERFECT, PLANNERS, PlannerChoice


@dataclass(frozen=True)
class PlannerParameters(LifecycleParameters):
    """Parameters of the planner."""

    planner: str = param(
        LEARNED,
        "Who plans: learned (shipped weights), perfect (knows the simulated world) or straight (knows nothing).",
        choices=tuple(sorted(PLANNERS)),
    )
    world: str = param("manipulation", "Body and surroundings that it plans for.", choices=("arena", "manipulation"))
    method: str = param("", "Learned planner: how its models are added up, such as unit_sum; empty for the usual way.")
    pipeline: str = param(
        "",
        "Learned planner: folder of an open video model (diffusers, picture and words to video) that imagines in place "
        "of the shipped ones; its pronk.json holds settings.",
    )
    weights: str = param(
        "",
        "Learned planner: folder of its models, such as DIR/planner of pronk train sail or distil; empty for those "
        "that are shipped.",
    )
    task: str = param("", "Perfect planner: name of the world's task.")
    seed: int = param(0, "Seed of the plans' chance; for a perfect planner also of the episode.", ge=0)
    instruction: str = param("", "What to do from the start; empty waits for the topic or for an action.")
    frames: int = param(1, "Frames of a plan that are acted out before the next plan.", ge=1, le=16)
    stalled_m: float = param(
        0.03,
        "Who moved less than this since the last plan was made follows the next one for longer [m]; 0 never. A perfect "
        "planner is followed as it expects.",
        ge=0.0,
        le=10.0,
    )
    stalled_frames: int = param(4, "Frames of a plan that are acted out then.", ge=1, le=16)
    max_steps: int = param(500, "Steps after which a task is given up.", ge=1, le=1_000_000)
    max_step_m: float = param(0.1, "Greatest displacement along each axis in one step [m].", ge=0.0001, le=1.0)
    goal_ahead_steps: int = param(
        0,
        "For a body that walks by itself: goal_pose is so many steps ahead on the planned way; 0 publishes none.",
        ge=0,
        le=100,
    )
    finish_m: float = param(
        0.0,
        "For a body that hides its goal when it is there: a plan that leads less far than this beyond its first frames "
        "is acted out to its end [m].",
        ge=0.0,
        le=10.0,
    )
    end_within_m: float = param(
        0.0,
        "For a body that lags behind its steps: how near it must be to where a plan ends before the next one is made, "
        "for at most 15 steps [m]; 0 does not look.",
        ge=0.0,
        le=10.0,
    )
    success_threshold: float = param(
        0.9, "Judged chance of success at which a task is done; 0 goes on whatever the judge says.", ge=0.0, le=1.0
    )
    least_confidence: float = param(0.3, "Confidence of a plan below which diagnostics warn.", ge=0.0, le=1.0)
    image_topic: str = param("camera/image", "Topic of the camera.")
    image_slack_s: float = param(
        0.05, "Age of a picture beside the newest pose up to which it is planned from at once [s].", ge=0.0, le=10.0
    )
    image_patience_s: float = param(0.3, "How long to wait for a newer picture [s].", ge=0.0, le=60.0)
    image_timeout_s: float = param(0.5, "Age beyond which a picture is refused [s].", ge=0.0, le=60.0)
    give_up_s: float = param(
        10.0, "How long pictures may be refused, or missing, before a task is given up [s].", ge=0.1, le=3600.0
    )
    plan_time_s: float = param(0.4, "Time of planning beyond which diagnostics warn [s].", ge=0.001, le=60.0)

    def __post_init__(self) -> None:
        """Check what concerns several parameters.

        Raises:
            ParameterError: They do not go together.
        """
        self.config()
        if self.planner == PERFECT and not self.task:
            raise ParameterError("parameter 'planner' is 'perfect', which needs the parameter 'task' too, got ''")
        if self.pipeline and (self.planner != LEARNED or self.method not in ("", OPEN)):
            raise ParameterError(
                f"parameter 'pipeline' needs the planner '{LEARNED}' and the method '{OPEN}' or none, got "
                f"'{self.planner}' and '{self.method}'"
            )
        if self.weights and self.planner != LEARNED:
            raise ParameterError(f"parameter 'weights' needs the planner '{LEARNED}', got '{self.planner}'")
        if self.method == OPEN and not self.pipeline:
            raise ParameterError(f"parameter 'method' is '{OPEN}', which needs the parameter 'pipeline' too, got ''")

    def config(self) -> TaskConfig:
        """Translate to the core's configuration."""
        stalled = 0.0 if self.planner == PERFECT else self.stalled_m
        return TaskConfig(
            commitment=CommitmentConfig(self.frames, stalled, self.stalled_frames),
            max_steps=self.max_steps,
            slack=self.image_slack_s,
            patience=self.image_patience_s,
            timeout=self.image_timeout_s,
            max_step=self.max_step_m,
            finish=self.finish_m,
            within=self.end_within_m,
        )

    def choice(self) -> PlannerChoice:
        """Tell which planner is wanted."""
        return PlannerChoice(
            *(self.planner, self.world, self.task, self.seed, self.frames, self.method, self.pipeline, self.weights)
        )

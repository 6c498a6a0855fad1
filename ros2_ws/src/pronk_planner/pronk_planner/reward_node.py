"""Judges how far a task has got: pictures and instruction in; progress, chance of success and confidence out.

A lifecycle node like the planner's, and like it it thinks in a thread of its own: pictures that come meanwhile are left
out but for the newest.
"""

import sys
from dataclasses import dataclass, replace

from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Float64, String

from controllers.errors import InvalidValue
from policies.rewards.judge import Judgement
from pronk_node_kit.conversions import telemetry_message, time_from_stamp
from pronk_node_kit.diagnostics import ERROR, OK, WARN
from pronk_node_kit.image_conversions import picture_of, untile
from pronk_node_kit.lifecycle import LifecycleKitNode, LifecycleParameters
from pronk_node_kit.parameters import ParameterError, param
from pronk_node_kit.spin import run_node
from pronk_node_kit.topics import (
    CAMERA_IMAGE,
    GOAL_IMAGE,
    INSTRUCTION,
    TASK_JUDGEMENT,
    TASK_PROGRESS,
    Topic,
    create_publisher,
    create_subscription,
)
from pronk_planner.judge_backends import JUDGES, LEARNED, LOCAL, PublishedModel, make_judge
from pronk_planner.judging import Episode, Judging, Moment, PictureSet
from pronk_planner.worker import Answer, Worker


@dataclass(frozen=True)
class RewardParameters(LifecycleParameters):
    """Parameters of the judge of tasks."""

    judge: str = param(
        LEARNED,
        "Who judges: learned (shipped weights), local or served (the published model, in this process or on a server), "
        "pixels (distance to a picture of the goal), clock or positive.",
        choices=tuple(sorted(JUDGES)),
    )
    world: str = param("manipulation", "Learned judge: what it judges in.", choices=("arena", "manipulation"))
    model_folder: str = param("", "Judge local: folder of the published model; nothing is downloaded.")
    server_url: str = param("", "Judge served: address of the server; empty for http://localhost:8000/v1.")
    server_model: str = param("", "Judge served: name of the model there; empty for the published one.")
    views: tuple[str, ...] = param((), "Cameras to look through; empty for all that the judge knows.")
    image_topics: tuple[str, ...] = param(
        (), "Topic of each camera; empty: camera/image for the first, camera/NAME/image for the others."
    )
    goal_topics: tuple[str, ...] = param(
        (), "Topic with start and end of the task for each camera; empty: goal/image, goal/NAME/image."
    )
    size: int = param(64, "Width and height of the pictures of a judge that takes any [pixel].", ge=8, le=512)
    instruction: str = param("", "What is being done from the start; empty waits for the topic.")
    image_slack_s: float = param(
        0.02, "Greatest difference between the times of pictures that belong together [s].", ge=0.0, le=1.0
    )
    least_confidence: float = param(0.3, "Confidence below which diagnostics warn.", ge=0.0, le=1.0)
    judge_time_s: float = param(0.02, "Time of judging beyond which diagnostics warn [s].", ge=0.0001, le=60.0)

    def __post_init__(self) -> None:
        """Check what concerns several parameters.

        Raises:
            ParameterError: There is not one topic per camera, or a local model without a folder.
        """
        if self.judge == LOCAL and not self.model_folder:
            raise ParameterError("parameter 'judge' is 'local', which needs the parameter 'model_folder' too, got ''")
        for name in ("image_topics", "goal_topics"):
            topics = getattr(self, name)
            if topics and len(topics) != len(self.views):
                raise ParameterError(
                    f"parameter '{name}' must name one topic for each of the {len(self.views)} views, got {len(topics)}"
                )


class RewardNode(LifecycleKitNode):
    """Wraps a `policies.rewards.judge.Judge`."""

    Parameters = RewardParameters

    def __init__(self) -> None:
        """Join the topics; judge and cameras come when the node is configured."""
        super().__init__("reward_node")
        p: RewardParameters = self.parameters
        self._worker: Worker[Moment, Judgement] | None = None
        self._views: tuple[str, ...] = ()
        self._inputs: list[object] = []
        self._goal_pictures: dict[str, tuple[object, object]] = {}
        self._told: Judgement | None = None
        self._trouble = ""
        self._instruction, self._episodes = p.instruction.strip(), 0
        self._episode: Episode | None = None
        self._out = {row.name: create_publisher(self, row) for row in (TASK_PROGRESS, TASK_JUDGEMENT)}
        d = self.diagnostics
        self._camera = d.input("cameras", 2.0)
        self._refused, self._judged = d.counter("refused_inputs"), d.counter("judgements")
        self._duration = d.deadline("judging", p.judge_time_s, tolerated=0.1)
        d.value("judge", lambda: p.judge)
        d.value("views", lambda: ", ".join(self._views))
        d.value("instruction", lambda: self._instruction)
        d.value("left_out", lambda: 0 if self._worker is None else self._worker.superseded)
        for name in ("progress", "success", "confidence"):
            d.value(name, lambda n=name: "-" if self._told is None else f"{getattr(self._told, n):.3f}")
        self._words = create_subscription(self, INSTRUCTION, self._on_instruction)
        self.start()

    # Lifecycle

    def configure(self) -> None:
        """Load the judge and listen to its cameras."""
        p: RewardParameters = self.parameters
        self._worker = Worker(self._load, lambda: self.call_soon(self._on_answer), name="judge")
        self._set = PictureSet(self._views, p.image_slack_s)
        for row, topics, hear in (
            (CAMERA_IMAGE, p.image_topics, self._on_image),
            (GOAL_IMAGE, p.goal_topics, self._on_goal),
        ):
            for place, view in enumerate(self._views):
                own = view_topic(row, topics, place, view)
                self._inputs.append(
                    create_subscription(self, own, lambda message, view=view, hear=hear: hear(view, message))
                )

    def _load(self) -> Judging:
        p: RewardParameters = self.parameters
        published = PublishedModel(p.model_folder, p.server_url, p.server_model)
        judge = make_judge(p.judge, p.views, p.size, p.world, published)
        self._views = judge.views
        return Judging(judge)

    def activate(self) -> None:
        """Judge what comes."""
        self._begin()
        self.get_logger().info(f"ready: judge '{self.parameters.judge}' looks through {', '.join(self._views)}")

    def deactivate(self) -> None:
        """Judge nothing more."""
        self._episode = None

    def clean_up(self) -> None:
        """Let go of judge and cameras."""
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    # Inputs

    def _refuse(self, reason: object) -> None:
        self._refused.add()
        self._trouble = str(reason)
        self.get_logger().warning(f"refused: {reason}", throttle_duration_sec=1.0)
        self._assess()

    def _begin(self) -> None:
        """Begin to judge anew: by another instruction or another goal nothing is as it was."""
        self._episode, self._told = None, None
        if not self.active or not self._instruction:
            return
        self._episodes += 1
        whole = len(self._goal_pictures) == len(self._views)
        start, goal = (
            {view: pair[side] for view, pair in self._goal_pictures.items()} if whole else {} for side in (0, 1)
        )
        self._episode = Episode(self._episodes, self._instruction, start, goal)
        self._set.begin()
        self.get_logger().info(f"judges: {self._instruction}{'' if whole else ' (without a picture of the goal)'}")

    def _on_instruction(self, message: String) -> None:
        text = message.data.strip()
        if not text:
            self._refuse("an instruction must say what is to be done, got an empty one")
        elif text != self._instruction or self._episode is None:
            self._instruction = text
            self._begin()

    def _on_goal(self, view: str, message: ImageMessage) -> None:
        try:
            start, goal = untile(picture_of(message), 2)
        except InvalidValue as error:
            self._refuse(f"goal of camera '{view}': {error}")
            return
        self._goal_pictures[view] = start, goal
        if len(self._goal_pictures) == len(self._views):
            self._begin()

    def _on_image(self, view: str, message: ImageMessage) -> None:
        self._camera.mark()
        if self._episode is None or self._worker is None:
            return
        try:
            found = self._set.add(view, picture_of(message), time_from_stamp(message.header.stamp))
        except InvalidValue as error:
            self._refuse(f"picture of camera '{view}': {error}")
            return
        if found is not None:
            pictures, time = found
            self._worker.ask(Moment(self._episode, pictures, time))

    # Judgements

    def _on_answer(self) -> None:
        if self._worker is not None:
            for answer in self._worker.answers():
                self._take(answer)

    def _take(self, answer: Answer[Moment, Judgement]) -> None:
        refusal = answer.refusal()
        if answer.request.episode is not self._episode:
            return
        if refusal is not None or answer.value is None:
            self._refuse(refusal)
            return
        self._told, self._trouble = answer.value, ""
        self._judged.add()
        self._duration.observe(answer.duration)
        values = {name: getattr(self._told, name) for name in ("progress", "deviation", "success", "confidence")}
        message = telemetry_message({**values, "judge_time_s": answer.duration}, answer.request.time)
        self._out[TASK_JUDGEMENT.name].publish(message)
        self._out[TASK_PROGRESS.name].publish(Float64(data=self._told.progress))
        self._assess()

    def _assess(self) -> None:
        told = self._told
        if self._trouble:
            self.diagnostics.set_level(ERROR, self._trouble)
        elif told is not None and told.confidence < self.parameters.least_confidence:
            self.diagnostics.set_level(WARN, f"low confidence {told.confidence:.2f} in '{self._instruction}'")
        else:
            self.diagnostics.set_level(OK, "running")


def view_topic(row: Topic, topics: tuple[str, ...], place: int, view: str) -> Topic:
    """Find the topic of a camera.

    Args:
        row: That of the first camera, such as camera/image.
        topics: Names that the user gave; empty for the usual ones.
        place: Number of the camera.
        view: Its name.

    Returns:
        The same row with its name.
    """
    if topics:
        return replace(row, name=topics[place])
    folder, _, name = row.name.partition("/")
    return row if place == 0 else replace(row, name=f"{folder}/{view}/{name}")


def main() -> int:
    """Run the node."""
    return run_node(RewardNode)


if __name__ == "__main__":
    sys.exit(main())

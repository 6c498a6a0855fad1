"""The shipped parts of the video planner, and the methods that are made of them."""

from pathlib import Path

from controllers.errors import InvalidValue, UnknownName
from policies.video.adaptation import IN_DOMAIN, IPA, PA, PRIOR, UNIT_SUM, Adaptation
from policies.video.adapted_video import AdaptedVideo
from policies.video.cloning import Cloner
from policies.video.floor_model import FloorModel
from policies.video.flow_model import FlowModel
from policies.video.inverse_model import InverseModel
from policies.video.open_video import OPEN, OpenVideo
from policies.video.planner import Planner
from policies.video.video_planner import VideoPlanner
from sim.world_tasks import ARENA, MANIPULATION

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
INVERSE, VIDEO, CLONING = "inverse", "video", "cloning"
UNION, RANDOM_PRIOR, CLONED = "union", "random_prior", "cloning"
# Scale and strength as published for visual planning (github.com/brown-palm/adapt2act) in the published forms.
ADAPTATIONS = {
    IN_DOMAIN: Adaptation(IN_DOMAIN),
    PRIOR: Adaptation(PRIOR),
    UNION: Adaptation(IN_DOMAIN),
    PA: Adaptation(PA, alpha=2.5, gamma=0.1),
    IPA: Adaptation(IPA, alpha=2.5, gamma=0.5),
    UNIT_SUM: Adaptation(UNIT_SUM, alpha=1.0, gamma=0.25),
    RANDOM_PRIOR: Adaptation(UNIT_SUM, alpha=1.0, gamma=0.25),
}
METHODS = (*ADAPTATIONS, CLONED, OPEN)
# Those whose weights come with Pronk: the union is trained by whoever wants to compare with it, an open model is
# brought along.
SHIPPED = tuple(method for method in METHODS if method not in (UNION, OPEN))
# What there is for the arena; its video model takes videos apart, so there is nothing that could be added up with it.
SHIPPED_IN = {MANIPULATION: SHIPPED, ARENA: (IN_DOMAIN,)}
DEFAULT = IN_DOMAIN
STEPS, TEMPERATURE = 4, 0.5
# On a floor an error of this size is as doubtful as one of a centimetre is to a hand [m].
FLOOR_DOUBTFUL_M = 0.05


def weights_of(part: str, world: str = MANIPULATION, folder: Path = WEIGHTS) -> Path:
    """Name the file of a part.

    Args:
        part: "inverse", "cloning", "video_in_domain", "video_prior" or "video_union".
        world: Which body.
        folder: Where weights are.

    Returns:
        Its path.
    """
    return folder / f"planner_{world}_{part}.safetensors"


def load_inverse(world: str = MANIPULATION, folder: Path = WEIGHTS) -> InverseModel:
    """Load inverse dynamics.

    Args:
        world: Which body.
        folder: Where weights are.

    Returns:
        The network.

    Raises:
        MissingModel: The weights are missing; the message names the command that makes them.
        InvalidValue: They are damaged.
    """
    return InverseModel.load(weights_of(INVERSE, world, folder))


def load_video(variant: str, world: str = MANIPULATION, folder: Path = WEIGHTS) -> FlowModel:
    """Load a video model.

    Args:
        variant: "in_domain", "prior" or "union".
        world: Which body.
        folder: Where weights are.

    Returns:
        The model.

    Raises:
        MissingModel: The weights are missing; the message names the command that makes them.
        InvalidValue: They are damaged.
    """
    command = f"pronk train video --variant {variant} --codec FILE --data DIR,… --out DIR"
    return FlowModel.load(weights_of(f"{VIDEO}_{variant}", world, folder), command)


def load_floor(folder: Path = WEIGHTS) -> FloorModel:
    """Load the video model of the arena.

    Args:
        folder: Where weights are.

    Returns:
        The model.

    Raises:
        MissingModel: The weights are missing; the message names the command that makes them.
        InvalidValue: They are damaged.
    """
    return FloorModel.load(weights_of(f"{VIDEO}_{IN_DOMAIN}", ARENA, folder))


def load_planner(
    method: str = DEFAULT,
    world: str = MANIPULATION,
    folder: Path = WEIGHTS,
    adaptation: Adaptation | None = None,
    *,
    pipeline: Path | None = None,
) -> Planner:
    """Load all that a method needs.

    Args:
        method: "in_domain", "prior", "union", "pa", "ipa", "unit_sum", "random_prior", "cloning" or "open".
        world: Which body.
        folder: Where weights are.
        adaptation: How models are added up; None for that of the method.
        pipeline: For "open": folder of a pipeline of `diffusers` that imagines; inverse dynamics is ours.

    Returns:
        The planner.

    Raises:
        UnknownName: There is no such method.
        MissingModel: Weights are missing; the message names the command that makes them.
        InvalidValue: They are damaged, or a pipeline is named for another method than "open", or none for it.
    """
    if method not in METHODS:
        raise UnknownName("method of the planner", method, METHODS)
    if (method == OPEN) != (pipeline is not None):
        raise InvalidValue(
            f"the method '{OPEN}' of the planner, and no other, needs the folder of a pipeline, got '{method}' and "
            f"{'none' if pipeline is None else repr(str(pipeline))}"
        )
    if pipeline is not None:
        # The small one first: it is missing at once or not at all.
        inverse = load_inverse(world, folder)
        return VideoPlanner(OpenVideo.load(pipeline), inverse)
    if method == CLONED:
        return Cloner.load(weights_of(CLONING, world, folder))
    if world == ARENA and method == IN_DOMAIN:
        return VideoPlanner(load_floor(folder), load_inverse(world, folder), FLOOR_DOUBTFUL_M)
    how = adaptation or ADAPTATIONS[method]
    needs = how.weights
    domain = load_video(UNION if method == UNION else IN_DOMAIN, world, folder) if needs.in_domain_told else None
    prior: FlowModel | None = None
    if method == RANDOM_PRIOR and domain is not None:
        prior = FlowModel.random(domain, seed=0)
    elif needs.prior_told:
        prior = load_video(PRIOR, world, folder)
    video = AdaptedVideo(domain, prior, how, STEPS, temperature=TEMPERATURE)
    return VideoPlanner(video, load_inverse(world, folder))

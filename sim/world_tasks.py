"""Tasks of the planner's worlds, their instructions, and which of them nobody may train on.

Manipulation tasks are those of MetaWorld without the suffix of their version. They are shared out once, here: a few to
train on, twelve that are *novel* (no demonstrations of them in any training set), and others for a broad video prior.
Colours and pairs of colour and shape in the arena are shared out likewise; its prior has colours of its own.
"""

from collections.abc import Sequence

from controllers.errors import InvalidValue, UnknownName
from sim.colour_names import PALETTE

MANIPULATION, ARENA = "manipulation", "arena"

# Demonstrated to the in-domain model.
MANIPULATION_TRAIN = (
    "door-close",
    "drawer-open",
    "window-open",
    "button-press",
    "faucet-open",
    "handle-press",
    "push",
    "plate-slide-side",
)
# Never demonstrated. The first five are known to be among the unseen tasks of SAIL/SILVR (arXiv 2506.06658).
MANIPULATION_NOVEL = (
    "drawer-close",
    "reach-wall",
    "button-press-wall",
    "faucet-close",
    "plate-slide",
    "door-open",
    "window-close",
    "handle-press-side",
    "button-press-topdown",
    "coffee-button",
    "plate-slide-back",
    "sweep-into",
)
# Left out of the prior because their scripted experts fail most often.
MANIPULATION_SPARE = ("basketball", "shelf-place", "push-back", "peg-insert-side", "soccer")
INSTRUCTIONS = {
    "assembly": "put the ring on the peg",
    "basketball": "dunk the basketball into the basket",
    "bin-picking": "pick the cube from one bin and put it into the other",
    "box-close": "put the lid on the box",
    "button-press": "press the button",
    "button-press-topdown": "press the button from above",
    "button-press-topdown-wall": "press the button from above behind the wall",
    "button-press-wall": "press the button behind the wall",
    "coffee-button": "press the button of the coffee machine",
    "coffee-pull": "pull the mug away from the coffee machine",
    "coffee-push": "push the mug under the coffee machine",
    "dial-turn": "turn the dial",
    "disassemble": "take the ring off the peg",
    "door-close": "close the door",
    "door-lock": "lock the door",
    "door-open": "open the door",
    "door-unlock": "unlock the door",
    "drawer-close": "close the drawer",
    "drawer-open": "open the drawer",
    "faucet-close": "turn the faucet off",
    "faucet-open": "turn the faucet on",
    "hammer": "hammer the nail in",
    "hand-insert": "put the hand into the hole",
    "handle-press": "press the handle down",
    "handle-press-side": "press the handle down from the side",
    "handle-pull": "pull the handle up",
    "handle-pull-side": "pull the handle up from the side",
    "lever-pull": "pull the lever up",
    "peg-insert-side": "put the peg into the hole at the side",
    "peg-unplug-side": "pull the peg out of the hole at the side",
    "pick-out-of-hole": "pick the block out of the hole",
    "pick-place": "pick the block up and bring it to the goal",
    "pick-place-wall": "pick the block up and bring it to the goal behind the wall",
    "plate-slide": "slide the plate into the cabinet",
    "plate-slide-back": "slide the plate back out of the cabinet",
    "plate-slide-back-side": "slide the plate sideways out of the cabinet",
    "plate-slide-side": "slide the plate sideways into the cabinet",
    "push": "push the block to the goal",
    "push-back": "push the block back to the goal",
    "push-wall": "push the block around the wall to the goal",
    "reach": "reach the goal",
    "reach-wall": "reach the goal behind the wall",
    "shelf-place": "put the block on the shelf",
    "soccer": "kick the ball into the goal",
    "stick-pull": "pull the box with the stick",
    "stick-push": "push the box with the stick",
    "sweep": "sweep the block off the table",
    "sweep-into": "sweep the block into the hole",
    "window-close": "close the window",
    "window-open": "open the window",
}
MANIPULATION_PRIOR = tuple(
    task for task in INSTRUCTIONS if task not in (*MANIPULATION_TRAIN, *MANIPULATION_NOVEL, *MANIPULATION_SPARE)
)

SHAPES = ("box", "ball")
COLOURS = {
    "red": (214, 40, 40),
    "green": (46, 158, 72),
    "blue": (38, 84, 214),
    "yellow": (240, 204, 40),
    "purple": (128, 52, 176),
    "cyan": (40, 190, 204),
    "orange": (244, 132, 24),
    "pink": (244, 130, 180),
}
HELD_OUT_COLOURS = ("orange", "pink")
# Both parts are known from other pairs.
HELD_OUT_PAIRS = ("red-ball", "green-box")
ARENA_TASKS = tuple(f"{colour}-{shape}" for colour in COLOURS for shape in SHAPES)
ARENA_NOVEL = tuple(t for t in ARENA_TASKS if t.partition("-")[0] in HELD_OUT_COLOURS or t in HELD_OUT_PAIRS)
ARENA_TRAIN = tuple(task for task in ARENA_TASKS if task not in ARENA_NOVEL)
# Things of many other colours, so that a broad prior learns what words for colours mean.
ARENA_PRIOR = tuple(f"{colour}-{shape}" for colour in PALETTE for shape in SHAPES)

# Lists of tasks by world and name.
TASK_LISTS = {
    MANIPULATION: {
        "train": MANIPULATION_TRAIN,
        "novel": MANIPULATION_NOVEL,
        "prior": MANIPULATION_PRIOR,
        "all": tuple(INSTRUCTIONS),
    },
    ARENA: {
        "train": ARENA_TRAIN,
        "novel": ARENA_NOVEL,
        "prior": ARENA_PRIOR,
        "all": (*ARENA_TASKS, *ARENA_PRIOR),
    },
}


def instruction_of(world: str, task: str) -> str:
    """Say what is to be done.

    Args:
        world: "manipulation" or "arena".
        task: Name of the task.

    Returns:
        A short English sentence without a full stop.

    Raises:
        UnknownName: There is no such world or task.
    """
    _check(world, task)
    return INSTRUCTIONS[task] if world == MANIPULATION else f"go to the {task.replace('-', ' ')}"


def find_tasks(world: str, names: Sequence[str]) -> tuple[str, ...]:
    """Resolve names of tasks and of lists of tasks.

    Args:
        world: "manipulation" or "arena".
        names: Tasks, or lists: train, novel, prior, all.

    Returns:
        Tasks in the given order, each once.

    Raises:
        UnknownName: There is no such world, task or list.
        InvalidValue: No name was given.
    """
    if not names:
        raise InvalidValue("at least one task or list of tasks must be named, got none")
    found: dict[str, None] = {}
    for name in names:
        lists = TASK_LISTS.get(world, {})
        if name not in lists:
            _check(world, name)
        found.update(dict.fromkeys(lists.get(name, (name,))))
    return tuple(found)


def _check(world: str, task: str) -> None:
    if world not in TASK_LISTS:
        raise UnknownName("world", world, TASK_LISTS)
    if task not in TASK_LISTS[world]["all"]:
        # The prior of the arena has hundreds of tasks, which nobody wants to read in an error.
        known = ARENA_TASKS if world == ARENA else TASK_LISTS[world]["all"]
        raise UnknownName(f"task of the world '{world}'", task, (*known, *TASK_LISTS[world]))

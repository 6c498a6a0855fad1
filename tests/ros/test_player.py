import re
from pathlib import Path

import pytest

from pronk_bringup.bag import read_messages

pytestmark = pytest.mark.timeout(60)

BAG = Path(__file__).resolve().parents[1] / "data" / "go2_walk_with_load"


@pytest.fixture
def play(start):
    def run(*words):
        return start("-m", "pronk_bringup.player_node", "--ros-args", "-p", f"bag:={BAG}", *words)

    return run


def test_what_is_played_is_what_was_recorded_with_the_time_of_the_readings(play, peer):
    peer.hear("joint_states", "cmd_vel", "/clock")
    player = play("-p", f"wait_for:=[{peer.node.get_name()}]", "-p", "rate:=0.5")
    peer.until(lambda: player.process.poll() is not None, 40.0, "the end of the bag")
    assert player.wait() == 0, player.text
    recorded = list(read_messages(BAG, {"/joint_states"}))
    heard = [message for _, message in peer.heard["joint_states"]]
    assert len(heard) == len(recorded) == 600
    stamps = [m.header.stamp for m in heard]
    assert stamps == sorted(stamps, key=lambda s: (s.sec, s.nanosec))
    assert peer.newest("/clock").clock == stamps[-1]
    assert len(peer.heard["cmd_vel"]) > 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-p", "recorded_namespace:=lab"), "error: parameter 'bag': .* holds none of /lab/joint_states"),
        (("-p", "bag:=''"), "error: parameter 'bag': must name the bag to play, got none"),
        (("-p", "bag:=/no/such/bag"), "error: parameter 'bag': '/no/such/bag' holds no MCAP file"),
        (("-p", "topics:=[joint_state]"), "error: parameter 'topics': unknown topic 'joint_state'; known: "),
    ],
)
def test_a_bag_that_cannot_be_played_is_explained(play, words, text):
    player = play(*words)
    assert player.wait() == 2
    assert re.search(text, player.text), player.text

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.quadruped.gait import GAITS, Gait, GaitScheduler

DT = 0.004
# Its swings overlap, so that a switch holds legs down which would otherwise be in the air.
HOP = Gait("hop", period=0.4, duty=0.3, offsets=(0.0, 0.5, 0.5, 0.0))
KNOWN = {**GAITS, "hop": HOP}


class Watch:
    """Advances a scheduler and checks in every tick that no leg jumps."""

    def __init__(self, gait):
        self.scheduler = GaitScheduler(KNOWN[gait])
        self.running = self.scheduler.gait
        self.contact, self.swing_phase = np.ones(4), np.zeros(4)

    def advance(self, ticks=1):
        for _ in range(ticks):
            schedule = self.scheduler.advance(DT)
            old, new = self.running, self.scheduler.gait
            contact, phase = schedule.contact.copy(), schedule.swing_phase.copy()
            if new is not old:
                assert (contact == 1.0).all(), "all feet stand when a gait takes over"
            elif (step := DT / new.swing_time if new.duty < 1.0 else 0.0) > 0.0:
                lifted = (self.contact > 0.5) & (contact < 0.5)
                assert (phase[lifted] <= step + 1e-6).all(), "a leg lifts at the beginning of its swing"
                swinging = (self.contact < 0.5) & (contact < 0.5)
                assert phase[swinging] == pytest.approx(self.swing_phase[swinging] + step, abs=1e-6)
            landed = (self.contact < 0.5) & (contact > 0.5)
            if landed.any():
                assert (self.swing_phase[landed] >= 1.0 - DT / old.swing_time - 1e-6).all(), "a leg lands at the end"
            assert schedule.switched == bool((contact != self.contact).any())
            self.running, self.contact, self.swing_phase = new, contact, phase

    def request(self, gait):
        self.scheduler.request(KNOWN[gait])


@pytest.mark.parametrize("second", KNOWN)
@pytest.mark.parametrize("first", KNOWN)
def test_a_switch_lets_every_leg_land_and_takes_at_most_one_swing(first, second):
    if first == second:
        return
    for onset in range(0, 250, 47):
        watch = Watch(first)
        watch.advance(onset)
        watch.request(second)
        limit = KNOWN[first].swing_time + 2.0 * DT
        ticks = 0
        while watch.scheduler.switching:
            assert ticks * DT <= limit, f"switch at tick {onset} takes too long"
            watch.advance()
            ticks += 1
        assert watch.scheduler.gait is KNOWN[second]
        watch.advance(120)


@pytest.mark.parametrize("delay", [1, 10, 25, 50])
@pytest.mark.parametrize("first", sorted(set(KNOWN) - {"stand"}))
def test_a_request_taken_back_does_not_lift_legs_in_mid_swing(first, delay):
    for onset in range(3, 250, 41):
        watch = Watch(first)
        watch.advance(onset)
        watch.request("stand")
        watch.advance(delay)
        watch.request(first)
        watch.advance(150)
        assert watch.scheduler.gait is KNOWN[first] and not watch.scheduler.switching


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), st.integers(0, 80)), max_size=10))
def test_no_sequence_of_requests_makes_a_leg_jump(requests):
    watch = Watch("stand")
    for gait, ticks in requests:
        watch.request(gait)
        watch.advance(ticks)
    watch.advance(200)
    assert watch.scheduler.gait is (KNOWN[requests[-1][0]] if requests else GAITS["stand"])


def test_asking_again_for_the_running_gait_changes_nothing():
    asked, silent = GaitScheduler(GAITS["trot"]), GaitScheduler(GAITS["trot"])
    for _ in range(400):
        asked.request(GAITS["trot"])
        a, b = asked.advance(DT), silent.advance(DT)
        assert (a.contact == b.contact).all() and (a.swing_phase == b.swing_phase).all()
        assert asked.phase == silent.phase


def test_asking_again_during_a_switch_changes_nothing():
    asked, silent = GaitScheduler(GAITS["trot"]), GaitScheduler(GAITS["trot"])
    for scheduler in (asked, silent):
        for _ in range(85):
            scheduler.advance(DT)
        scheduler.request(GAITS["crawl"])
    for _ in range(300):
        asked.request(GAITS["crawl"])
        assert (asked.advance(DT).contact == silent.advance(DT).contact).all()


@pytest.mark.parametrize("first", sorted(set(KNOWN) - {"stand"}))
def test_the_horizon_during_a_switch_keeps_landed_legs_down(first):
    dt, length = 0.00213, 8
    seen = False
    for onset in range(1, 240, 23):
        scheduler = GaitScheduler(KNOWN[first])
        for _ in range(onset):
            scheduler.advance(dt)
        scheduler.request(GAITS["stand"])
        scheduler.advance(dt)
        if not scheduler.switching:
            continue
        seen = True
        predicted = scheduler.horizon(np.full(18, length * dt))
        later = copy.deepcopy(scheduler)
        for k in range(18):
            for step in range(length):
                contact = later.advance(dt).contact
                if step == length // 2 - 1:
                    assert predicted[k].tolist() == contact.tolist(), (onset, k)
        assert (predicted[-1] == 1.0).all()
    assert seen

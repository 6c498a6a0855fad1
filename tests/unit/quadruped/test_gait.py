import copy

import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.quadruped.gait import GAITS, Gait, GaitScheduler, get_gait

MOVING = sorted(set(GAITS) - {"stand"})
# Two diagonal hops with a flight phase: the entry phase finds legs in the air, which must wait.
HOP = Gait("hop", period=0.4, duty=0.3, offsets=(0.0, 0.5, 0.5, 0.0))
ALL = [*GAITS.values(), HOP]


class Cycle:
    """One period of a gait in small ticks, after one period of settling."""

    ticks = 1000

    def __init__(self, gait):
        scheduler = GaitScheduler(gait)
        dt = gait.period / self.ticks
        for _ in range(self.ticks):
            scheduler.advance(dt)
        self.phase, self.contact, self.swing_phase, self.swing_left, self.stance_left = [], [], [], [], []
        self.switched = []
        for _ in range(self.ticks):
            s = scheduler.advance(dt)
            self.phase.append(scheduler.phase)
            self.switched.append(s.switched)
            for name in ("contact", "swing_phase", "swing_left", "stance_left"):
                getattr(self, name).append(getattr(s, name).copy())
        self.phase = np.array(self.phase)
        for name in ("contact", "swing_phase", "swing_left", "stance_left"):
            setattr(self, name, np.array(getattr(self, name)))


@pytest.mark.parametrize("gait", ALL, ids=lambda g: g.name)
def test_each_foot_stands_for_the_duty_factor(gait):
    assert Cycle(gait).contact.mean(axis=0) == pytest.approx(np.full(4, gait.duty), abs=2e-3)


@pytest.mark.parametrize("gait", [g for g in ALL if g.duty < 1.0], ids=lambda g: g.name)
def test_feet_land_when_their_offset_has_them_land(gait):
    cycle = Cycle(gait)
    for leg in range(4):
        landing = np.flatnonzero((cycle.contact[:, leg] > 0.5) & (np.roll(cycle.contact[:, leg], 1) < 0.5))
        assert len(landing) == 1
        error = (cycle.phase[landing[0]] + gait.offsets[leg] + 0.5) % 1.0 - 0.5
        assert error == pytest.approx(0.0, abs=2e-3)


def test_a_trot_alternates_the_diagonals():
    contact = Cycle(GAITS["trot"]).contact
    assert (contact[:, 0] == contact[:, 3]).all() and (contact[:, 1] == contact[:, 2]).all()
    assert (contact.sum(axis=1) == 2).mean() > 0.995


def test_a_pace_alternates_the_sides():
    contact = Cycle(GAITS["pace"]).contact
    assert (contact[:, 0] == contact[:, 2]).all() and (contact[:, 1] == contact[:, 3]).all()
    assert (contact.sum(axis=1) == 2).mean() > 0.995


def test_a_crawl_lifts_one_foot_at_a_time_after_all_have_stood():
    feet = Cycle(GAITS["crawl"]).contact.sum(axis=1)
    assert set(feet) == {3.0, 4.0}


def test_a_crawl_swings_each_hind_foot_before_the_front_foot_of_its_side():
    cycle = Cycle(GAITS["crawl"])
    lift = [
        int(np.argmax((cycle.contact[:, leg] < 0.5) & (np.roll(cycle.contact[:, leg], 1) > 0.5))) for leg in range(4)
    ]
    order = [leg for _, leg in sorted(zip(lift, range(4), strict=True))]
    start = order.index(2)
    assert [order[(start + i) % 4] for i in range(4)] in ([2, 0, 3, 1], [2, 1, 3, 0])


def test_a_walking_trot_overlaps_its_stances():
    feet = Cycle(GAITS["walking_trot"]).contact.sum(axis=1)
    assert set(feet) == {2.0, 4.0}
    assert (feet == 4.0).mean() == pytest.approx(0.2, abs=4e-3)


def test_standing_keeps_all_feet_down_for_ever():
    cycle = Cycle(GAITS["stand"])
    assert (cycle.contact == 1.0).all() and np.isinf(cycle.stance_left).all()
    assert not cycle.swing_phase.any() and not cycle.swing_left.any() and not any(cycle.switched)


@pytest.mark.parametrize("gait", [g for g in ALL if g.duty < 1.0], ids=lambda g: g.name)
def test_schedules_count_down_to_the_next_change(gait):
    cycle, dt = Cycle(gait), gait.period / Cycle.ticks
    for leg in range(4):
        contact = np.tile(cycle.contact[:, leg], 2)
        for tick in range(0, Cycle.ticks, 37):
            ahead = contact[tick:] != contact[tick]
            until = float(np.argmax(ahead)) * dt
            if contact[tick] > 0.5:
                assert cycle.stance_left[tick, leg] == pytest.approx(until, abs=1.01 * dt)
                assert cycle.swing_left[tick, leg] == 0.0 and cycle.swing_phase[tick, leg] == 0.0
            else:
                assert cycle.swing_left[tick, leg] == pytest.approx(until, abs=1.01 * dt)
                assert cycle.stance_left[tick, leg] == 0.0
                progress = 1.0 - cycle.swing_left[tick, leg] / gait.swing_time
                assert cycle.swing_phase[tick, leg] == pytest.approx(progress, abs=1e-9)


@pytest.mark.parametrize("gait", ALL, ids=lambda g: g.name)
def test_changes_are_flagged_in_the_tick_in_which_they_happen(gait):
    cycle = Cycle(gait)
    changed = (cycle.contact[1:] != cycle.contact[:-1]).any(axis=1)
    assert cycle.switched[1:] == changed.tolist()


@pytest.mark.parametrize("gait", ALL, ids=lambda g: g.name)
def test_a_gait_begins_with_all_feet_down_and_a_lift_off_at_once(gait):
    scheduler, dt = GaitScheduler(gait), 0.002
    assert (scheduler.advance(0.0).contact == 1.0).all()
    first = scheduler.advance(dt)
    if gait.duty < 1.0:
        assert first.contact.min() == 0.0
        assert (first.swing_phase[first.contact < 0.5] <= dt / gait.swing_time + 1e-6).all()


@pytest.mark.parametrize("dt", [0.002, 0.004, 0.00321])
@pytest.mark.parametrize("gait", [g for g in ALL if g.duty < 1.0], ids=lambda g: g.name)
def test_from_the_very_start_feet_lift_only_at_the_beginning_of_their_swing(gait, dt):
    scheduler = GaitScheduler(gait)
    before = scheduler.advance(0.0).contact.copy()
    for _ in range(round(2.0 * gait.period / dt)):
        schedule = scheduler.advance(dt)
        lifted = (before > 0.5) & (schedule.contact < 0.5)
        assert (schedule.swing_phase[lifted] <= dt / gait.swing_time + 1e-6).all()
        before = schedule.contact.copy()


@pytest.mark.parametrize("cadence", [1.0, 1.4])
@pytest.mark.parametrize("gait", ALL, ids=lambda g: g.name)
def test_the_horizon_predicts_the_contacts_that_come(gait, cadence):
    dt, length = 0.00213, 8
    scheduler = GaitScheduler(gait)
    scheduler.cadence = cadence
    for tick in range(250):
        scheduler.advance(dt)
        if tick % 9:
            continue
        predicted = scheduler.horizon(np.full(12, length * dt))
        later = copy.deepcopy(scheduler)
        for k in range(12):
            for step in range(length):
                contact = later.advance(dt).contact
                if step == length // 2 - 1:
                    assert predicted[k].tolist() == contact.tolist(), (tick, k)


@pytest.mark.parametrize("gait", [g for g in ALL if g.duty < 1.0], ids=lambda g: g.name)
def test_a_faster_cadence_shortens_what_is_left_of_every_swing_and_stance(gait):
    scheduler = GaitScheduler(gait)
    for _ in range(round(1.3 * gait.period / 0.001)):
        slow = copy.deepcopy(scheduler.advance(0.001))
    scheduler.cadence = 1.6
    fast = scheduler.advance(0.0)
    assert fast.contact.tolist() == slow.contact.tolist() and not fast.switched
    assert fast.swing_phase.tolist() == slow.swing_phase.tolist()
    assert 1.6 * fast.swing_left == pytest.approx(slow.swing_left)
    assert 1.6 * fast.stance_left == pytest.approx(slow.stance_left)
    assert scheduler.swing_time + scheduler.stance_time == pytest.approx(gait.period / 1.6)


@pytest.mark.parametrize("gait", [g for g in ALL if g.duty < 1.0], ids=lambda g: g.name)
def test_feet_lift_only_at_the_beginning_of_their_swing_while_the_cadence_changes(gait):
    scheduler, dt = GaitScheduler(gait), 0.002
    before = scheduler.advance(0.0).contact.copy()
    for tick in range(round(3.0 * gait.period / dt)):
        scheduler.cadence = 1.0 + 0.3 * (tick // 7 % 3)
        schedule = scheduler.advance(dt)
        lifted = (before > 0.5) & (schedule.contact < 0.5)
        assert (schedule.swing_phase[lifted] <= 1.6 * dt / gait.swing_time + 1e-6).all()
        before = schedule.contact.copy()


def test_the_horizon_looks_at_the_middle_of_uneven_intervals():
    scheduler = GaitScheduler(Gait("slow", period=0.48, duty=0.5, offsets=(0.0, 0.5, 0.5, 0.0)))
    scheduler.advance(0.0)
    # FR and RL have landed and FL and RR lift at once; they come down after 0.24 s.
    predicted = scheduler.horizon(np.array([0.1, 0.26, 0.02, 0.22, 0.4]))
    # Middles at 0.05, 0.23, 0.37, 0.49 and 0.8 s.
    assert predicted.tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"period": 0.05}, r"Gait.period must lie in \[0.1, 5\] s, got 0.05"),
        ({"period": float("nan")}, r"Gait.period must lie in \[0.1, 5\] s, got nan"),
        ({"duty": 0.1}, r"Gait.duty must lie in \[0.2, 1\], got 0.1"),
        ({"duty": 1.1}, r"Gait.duty must lie in \[0.2, 1\], got 1.1"),
        (
            {"offsets": (0.0, 0.5, 1.0, 0.0)},
            r"Gait.offsets must be four numbers in \[0, 1\), got \(0.0, 0.5, 1.0, 0.0\)",
        ),
        ({"offsets": (0.0, 0.5)}, r"Gait.offsets must be four numbers in \[0, 1\), got \(0.0, 0.5\)"),
    ],
)
def test_schedules_that_cannot_be_run_are_refused(settings, message):
    with pytest.raises(InvalidValue, match=message):
        Gait(**{"name": "odd", "period": 0.5, "duty": 0.5, "offsets": (0.0, 0.5, 0.5, 0.0), **settings})


def test_stance_and_swing_share_the_period():
    gait = Gait("odd", period=0.8, duty=0.75, offsets=(0.0, 0.5, 0.5, 0.0))
    assert (gait.stance_time, gait.swing_time) == pytest.approx((0.6, 0.2))


def test_an_unknown_gait_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownName, match="unknown gait 'gallop'; available: crawl, pace, stand, trot, walking_trot"):
        get_gait("gallop")
    assert get_gait("trot") is GAITS["trot"]

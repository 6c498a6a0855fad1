from dataclasses import replace

import pytest

from evaluation.rollout import Rollout
from sim.scenarios import get_scenario
from sim.sensors import SensorConfig


def test_a_run_with_delayed_sensors_begins_with_the_second_reading_that_arrives():
    scenario = replace(get_scenario("flat_walk"), duration_s=1.0, sensors=SensorConfig(delay_ticks=5))
    rollout = Rollout(scenario)
    times = [(tick.state.time, tick.truth.time) for tick in (rollout.tick() for _ in range(4))]
    assert [time for time, _ in times] == pytest.approx([0.0, 0.002, 0.004, 0.006])
    # From then on every reading is five control periods old.
    assert [now - time for time, now in times[1:]] == pytest.approx([0.01] * 3)

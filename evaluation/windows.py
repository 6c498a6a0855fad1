"""Which part of a run the numbers are taken from."""

from controllers.quadruped.gait import GAITS
from sim.disturbances import Payload
from sim.scenarios import Scenario

Window = tuple[float, float]

SETTLING_S = 2.0
LOADED_S = 5.0
# A shorter load is a push: it is over before anything can settle.
PUSH_S = 1.0


def walks(gait: str) -> bool:
    """Tell whether feet leave the ground in a gait.

    Args:
        gait: Name of a gait, or "rest" or "sit".

    Returns:
        Whether it is a walking gait.
    """
    return gait in GAITS and GAITS[gait].duty < 1.0


def steady(scenario: Scenario) -> Window:
    """Take the last stretch of walking, without its first `SETTLING_S`.

    Args:
        scenario: The run; without a walking command the whole of it counts.

    Returns:
        Begin and end [s].
    """
    times = [timed.at_s for timed in scenario.commands] + [scenario.duration_s]
    for number in reversed(range(len(scenario.commands))):
        if walks(scenario.commands[number].command.gait):
            end = min(times[number + 1], scenario.duration_s)
            return min(times[number] + SETTLING_S, end), end
    return 0.0, scenario.duration_s


def first_steady(scenario: Scenario) -> Window:
    """Take the steady walk before the first disturbance.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s]; the steady walk where there is no disturbance.
    """
    begin, end = onset(scenario), steady(scenario)[1]
    if begin is None:
        return steady(scenario)
    moving = [timed.at_s for timed in scenario.commands if timed.at_s < begin and walks(timed.command.gait)]
    start = moving[-1] + SETTLING_S if moving else 0.0
    return min(start, begin), min(begin, end)


def last_steady(scenario: Scenario) -> Window:
    """Take the walk after the end of the last disturbance, without its first `SETTLING_S`.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s]; empty where the disturbance lasts.
    """
    end = steady(scenario)[1]
    ends = [end if d.until_s is None else d.until_s for d in scenario.disturbances]
    return min(max(ends, default=0.0) + SETTLING_S, end), end


def loaded(scenario: Scenario) -> Window:
    """Take the last `LOADED_S` of the first payload, or of the first disturbance where there is no payload.

    Args:
        scenario: The run; without a disturbance its steady part counts.

    Returns:
        Begin and end [s].
    """
    chosen = load(scenario)
    if chosen is None:
        return steady(scenario)
    return max(chosen[0], chosen[1] - LOADED_S), chosen[1]


def exposed(scenario: Scenario) -> Window:
    """Take all from the first disturbance to the end of the walk: transients are what adaptation is about.

    Args:
        scenario: The run; without a disturbance its steady part counts.

    Returns:
        Begin and end [s].
    """
    begin = onset(scenario)
    return steady(scenario) if begin is None else (begin, steady(scenario)[1])


def changes(scenario: Scenario) -> list[float]:
    """Find when disturbances come and go.

    Args:
        scenario: The run.

    Returns:
        Times within the walk, increasing [s].
    """
    end = steady(scenario)[1]
    times = {time for d in scenario.disturbances for time in (d.at_s, d.until_s) if time is not None}
    return sorted(time for time in times if time < end)


def load(scenario: Scenario) -> Window | None:
    """Find when the first payload is on the robot, or the first disturbance where there is no payload.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s], or None without a disturbance.
    """
    if not scenario.disturbances:
        return None
    payloads = [d for d in scenario.disturbances if isinstance(d, Payload)]
    first = min(payloads or scenario.disturbances, key=lambda d: d.at_s)
    walk_end = steady(scenario)[1]
    end = walk_end if first.until_s is None else min(first.until_s, walk_end)
    return first.at_s, max(end, first.at_s)


def settling_window(scenario: Scenario) -> Window | None:
    """Find the time that the robot has to settle in after the first load.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s]: of the load, or for a push from its begin to the end of the walk; None without either.
    """
    whole = load(scenario)
    if whole is None or whole[1] - whole[0] > PUSH_S:
        return whole
    return whole[0], max(steady(scenario)[1], whole[1])


def onset(scenario: Scenario) -> float | None:
    """Find when the first disturbance begins.

    Args:
        scenario: The run.

    Returns:
        Time [s], or None without a disturbance.
    """
    return min((d.at_s for d in scenario.disturbances), default=None)

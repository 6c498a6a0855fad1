"""Runs a navigation method on many scenes at once, and measures what became of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.safety.metrics import extra_time_s, percent_speed, spl
from sim.navigation import NavigationWorld
from sim.navigation_faults import Faults
from sim.navigation_scene import Scene
from sim.navigator import Navigator

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Touching by less than this is rounding [m].
CONTACT = 1e-6
# Robots that all but stood still for this long when time was up are in a deadlock [s].
STANDSTILL_S = 5.0


@dataclass(frozen=True)
class Outcome:
    """What became of the A robots of one scene.

    Attributes:
        scene: The scene.
        arrival: When each robot came to its goal to stay; NaN where it is not there, shape (A,) [s].
        reached: Whether it ever was there, shape (A,).
        path: Length of its path until then, shape (A,) [m].
        clearance: Least clearance, shape (A,) [m].
        idle: How long it had been standing still at the end, shape (A,) [s].
        duration: When the scene was over [s].
        infeasible: How many programs had no solution.
        correction: Mean distance of the velocity from the preferred one, on the way [m/s].
        step_time: Computing time per robot and period, shared evenly by the scenes of a batch [s].
        trace: Positions at the samples, shape (T, A, 2) [m]; None where they were not kept.
    """

    scene: Scene
    arrival: Array
    reached: npt.NDArray[np.bool_]
    path: Array
    clearance: Array
    idle: Array
    duration: float
    infeasible: int
    correction: float
    step_time: float
    trace: Array | None = None

    def metrics(self) -> dict[str, float | None]:
        """Measure.

        Robots that do not cooperate are not judged. Scores of single robots are means over those that arrived
        unharmed, but for `spl`, where failures count as zero.

        Returns:
            Values by name; names carry units. None where there is nothing to measure.
        """
        scene, judged = self.scene, np.asarray(self.scene.cooperative)
        arrived, safe = ~np.isnan(self.arrival[judged]), self.clearance[judged] >= -CONTACT
        good = arrived & safe
        harm = bool((~safe).any())
        success = bool(arrived.all()) and not harm
        waiting = self.idle[judged][~arrived]
        shortest, path, speed = scene.shortest[judged], self.path[judged], scene.speed[judged]
        when = self.arrival[judged]
        clearance = float(self.clearance[judged].min())
        fastest = float((shortest / speed).max())
        return {
            "success": float(success),
            "collision": float(harm),
            "deadlock": float(not harm and not success and bool((waiting >= STANDSTILL_S).all())),
            "agent_success": float(good.mean()),
            "agent_safe": float(safe.mean()),
            "agent_reached_safe": float((self.reached[judged] & safe).mean()),
            "min_clearance_m": clearance if np.isfinite(clearance) else None,
            "infeasible_count": float(self.infeasible),
            "spl": float(spl(good, shortest, path).mean()),
            "percent_speed": _mean(percent_speed(path[good], when[good], speed[good])),
            "extra_time_s": _mean(extra_time_s(when[good], shortest[good], speed[good])),
            "makespan_s": self.duration if success else None,
            "makespan_ratio": self.duration / fastest if success and fastest > 0.0 else None,
            "correction_mps": self.correction,
            "step_time_s": self.step_time,
        }


def _mean(values: Array) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else None


def run(
    scenes: Sequence[Scene],
    navigator: Navigator,
    sensing_range: float = 10.0,
    faults: Faults | None = None,
    seed: int = 0,
    record: bool = False,
    neighbours: int = 16,
) -> list[Outcome]:
    """Run a method on scenes of the same dynamics and control period until all are over.

    Args:
        scenes: The scenes.
        navigator: The method.
        sensing_range: Distance within which others are seen [m].
        faults: What is wrong with what robots are told of one another.
        seed: Seed of the faults.
        record: Whether to keep positions.
        neighbours: Slots for neighbours.

    Returns:
        Outcomes in the order of the scenes.
    """
    world = NavigationWorld(scenes, sensing_range, neighbours, faults=faults, seed=seed)
    navigator.start(world)
    outcomes: dict[int, Outcome] = {}
    count = len(scenes)
    infeasible = np.zeros(count, dtype=np.int64)
    correction, decisions, spent = np.zeros(count), np.zeros(count), np.zeros(count)
    traces: list[list[Array]] = [[world.position[i]] if record else [] for i in range(count)]
    while True:
        over = world.over
        if over.any():
            for row in np.flatnonzero(over):
                number = int(world.number[row])
                outcomes[number] = _outcome(world, row, scenes[number], traces[number] if record else None)(
                    int(infeasible[number]),
                    float(correction[number] / max(decisions[number], 1.0)),
                    float(spent[number] / max(world.steps, 1)),
                )
            if over.all():
                return [outcomes[number] for number in range(count)]
            world.keep(~over)
        began = time.perf_counter()
        decision = navigator.decide(world)
        seconds = time.perf_counter() - began
        shape, number = world.present.shape, world.number
        moving = (world.present & world.cooperative & ~world.at_goal).astype(np.float64)
        change = np.linalg.norm(decision.velocity - world.preferred(), axis=1).reshape(shape)
        correction[number] += (change * moving).sum(axis=1)
        decisions[number] += moving.sum(axis=1)
        infeasible[number] += (decision.infeasible.reshape(shape) & world.present).sum(axis=1)
        spent[number] += seconds / world.present.sum()
        world.step(decision.velocity)
        if record:
            position = world.position
            for row, place in enumerate(number):
                traces[place].append(position[row])


class _Pending(Protocol):
    def __call__(self, infeasible: int, correction: float, step_time: float) -> Outcome: ...


def _outcome(world: NavigationWorld, row: int, scene: Scene, trace: list[Array] | None) -> _Pending:
    tally, a = world.tally, scene.agents

    def finish(infeasible: int, correction: float, step_time: float) -> Outcome:
        return Outcome(
            scene,
            tally.arrival[row, :a].copy(),
            tally.reached[row, :a].copy(),
            tally.path[row, :a].copy(),
            tally.clearance[row, :a].copy(),
            tally.idle[row, :a].copy(),
            world.time,
            infeasible,
            correction,
            step_time,
            None if trace is None else np.array(trace)[:, :a],
        )

    return finish

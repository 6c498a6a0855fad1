"""The safety filter of one robot at run time, where odometry is late, lost or wrong.

The barriers and their theorem are those of `barrier`; the robot is one that follows velocity commands with a lag
(`dynamics.LaggedVelocity`). Added here is what to believe:

- The own odometry is missing, not finite or older than `own_timeout`: stop.
- A neighbour's reading is not finite: it is refused and named, and the last good one grows old.
- The robot may have moved since its reading: its radius grows by its speed limit times the reading's age.
- A neighbour's reading is older than `stale`: it counts as a mover that does not cooperate, about its last position.
- It is older than `lost`, or there never was one: stop.
- The discs overlap, because they did so at the start or because readings are noisy: the barriers forbid to come closer,
  but noise would carry a robot that presses on ever deeper, so it is told to part slowly, whatever is wanted. Robots at
  one point part along the axis that their names' order gives them.
- A schedule that returns garbage: `guarded_gains` and `gains.bounded`.

To stop is to command zero velocity; the robot coasts to its head, which the barriers kept free. It names the reason.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.dynamics import LaggedVelocity, SingleIntegrator
from controllers.safety.filter import FilterConfig, SafetyFilter
from controllers.safety.gains import Gains, GainSchedule
from controllers.safety.graph import Neighbourhood, perceive
from controllers.safety.guarded_gains import GuardedGains
from controllers.safety.obstacles import Obstacles
from controllers.safety.planar_qp import INFEASIBLE, RELAXED
from controllers.safety.reading import Observation, Reading, Wish
from controllers.safety.settings import refuse_negative

Array = npt.NDArray[np.float64]

# A goal that is not known lies where the wanted velocity leads in this time [s].
LOOK_AHEAD_S = 5.0
# Coming nearer to the goal than ever before by this share of the radius is progress.
PROGRESS = 0.1
# Slots for obstacles; a robot within reach of more stands still.
OBSTACLE_SLOTS = 8
# Overlaps are to be gone after this time [s], but robots part no faster than this [m/s].
PARTING_S, PARTING_MPS = 0.5, 0.2

FILTERED, RELAXATION, STOPPED = "filtered", "relaxed", "stopped"


@dataclass(frozen=True)
class RunTimeConfig:
    """Settings of the filter of one robot.

    Attributes:
        period: Control period [s].
        radius: Radius of the disc that holds the robot [m].
        speed: Limit of the commanded speed [m/s].
        yaw_rate: Limit of the commanded yaw rate [rad/s].
        time_constant: Lag of the robot behind its velocity command; 0 for a robot without [s].
        tracking_error: How far the robot may stray from that model, and its odometry from the truth [m].
        margin: Taken off every gap [m].
        neighbour_radius: Radius of other robots [m].
        neighbour_speed: Speed limit of other robots [m/s].
        sensing_range: Distance within which neighbours matter [m].
        own_timeout: Age of the own odometry beyond which the robot stops [s].
        stale: Age of a neighbour's odometry beyond which it counts as one that does not cooperate [s].
        lost: Age of a neighbour's odometry beyond which the robot stops [s].
        wish_timeout: Age beyond which the wanted velocity is zero [s].
    """

    period: float = 0.05
    radius: float = 0.45
    speed: float = 0.6
    yaw_rate: float = 1.0
    time_constant: float = 0.25
    tracking_error: float = 0.06
    margin: float = 0.02
    neighbour_radius: float = 0.45
    neighbour_speed: float = 0.6
    sensing_range: float = 8.0
    own_timeout: float = 0.2
    stale: float = 0.3
    lost: float = 1.0
    wish_timeout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        refuse_negative(self)
        for name in ("period", "radius", "speed", "sensing_range", "own_timeout", "stale", "lost", "wish_timeout"):
            if getattr(self, name) == 0.0:
                raise InvalidValue(f"RunTimeConfig.{name} must be positive, got 0")
        if self.lost < self.stale:
            raise InvalidValue(f"RunTimeConfig.lost must not be below stale = {self.stale}, got {self.lost}")


@dataclass(frozen=True)
class Barrier:
    """What the robot keeps clear of one other.

    Attributes:
        name: The other robot.
        position: Where it was last seen, shape (2,) [m].
        radius: Radius that is kept clear of it [m].
        gap: Distance between both, swept by their momentum and grown by what is not known [m].
        stale: Whether it counts as one that does not cooperate.
    """

    name: str
    position: Array
    radius: float
    gap: float
    stale: bool


@dataclass(frozen=True)
class RunTimeInfo:
    """What the filter did in one period.

    Attributes:
        mode: "filtered", "relaxed" (movers that do not cooperate could not be kept clear of) or "stopped".
        reasons: Why it stopped or relaxed; empty otherwise.
        wanted: Velocity that was wanted, world frame, shape (2,) [m/s].
        velocity: Velocity that is commanded, world frame, shape (2,) [m/s].
        correction: Distance between the two [m/s].
        barriers: One for each neighbour in range.
        obstacle_gap: Distance to the nearest obstacle, inf without [m].
        least_gap: Least of all gaps; inf without anything near, NaN while the own position is not known [m].
        stale: Neighbours that count as not cooperating.
        lost: Neighbours whose silence stops the robot.
        refused: Neighbours whose reading was refused in this period.
        clamped: How many values of the schedule had to be changed in this period.
        gain: Mean gain towards neighbours, NaN without [1/s].
        turn: Angle by which the schedule turned the wish [rad].
        pace: Share of the wish that the schedule kept.
        stall: Time without progress [s].
    """

    mode: str
    reasons: tuple[str, ...]
    wanted: Array
    velocity: Array
    correction: float
    barriers: tuple[Barrier, ...] = ()
    obstacle_gap: float = np.inf
    least_gap: float = np.nan
    stale: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    clamped: int = 0
    gain: float = np.nan
    turn: float = 0.0
    pace: float = 1.0
    stall: float = 0.0


@dataclass
class _Progress:
    """Keeps the time since a robot last came nearer to where it wants to go."""

    made: float = 0.0
    best: float = 0.0
    stall: float = 0.0
    goal: Array | None = None
    last: float | None = None

    def update(self, time: float, goal: Array | None, own: Reading, wanted: Array, step: float) -> float:
        """Take one sample and return the time without progress [s]."""
        elapsed = 0.0 if self.last is None else max(time - self.last, 0.0)
        self.last = time
        speed = float(np.linalg.norm(wanted))
        same = goal is self.goal or (goal is not None and self.goal is not None and np.array_equal(goal, self.goal))
        if goal is not None:
            self.made = -float(np.linalg.norm(goal - own.position))
        elif speed > 0.0:
            self.made += float(own.velocity @ wanted) / speed * elapsed
        if not same or speed == 0.0:
            self.goal, self.best, self.stall = goal, self.made, 0.0
        elif self.made > self.best + step:
            self.best, self.stall = self.made, 0.0
        else:
            self.stall += elapsed
        return self.stall


@dataclass(frozen=True)
class _Heard:
    """The neighbours that can be placed, and what is wrong with the others."""

    known: dict[str, Reading]
    stale: tuple[str, ...]
    lost: tuple[str, ...]
    refused: tuple[str, ...]
    reasons: tuple[str, ...]


class _Asked:
    """Shows a schedule the speed that is wanted in place of the speed limit; does not let it turn robots that part."""

    def __init__(self, schedule: GainSchedule) -> None:
        self.schedule = schedule
        self.speed = 0.0
        self.parting = False

    def gains(self, neighbourhood: Neighbourhood) -> Gains:
        answer = self.schedule.gains(replace(neighbourhood, speed=np.minimum(neighbourhood.speed, self.speed)))
        if not (self.parting and isinstance(answer, Gains)):
            return answer
        n = neighbourhood.present.shape[0]
        return replace(answer, turn=np.zeros(n), pace=np.ones(n))


class RunTimeFilter:
    """Filters the wanted velocities of one robot."""

    def __init__(
        self, name: str, schedule: GainSchedule, config: RunTimeConfig | None = None, obstacles: Obstacles | None = None
    ) -> None:
        """Build the filter.

        Args:
            name: The robot's name, as the others know it: the order of names decides where robots at one point part.
            schedule: Chooses gains; may return anything.
            config: Settings.
            obstacles: What does not move, one scene.

        Raises:
            InvalidValue: The obstacles are not those of one scene.
        """
        self.name = name
        self.config = c = RunTimeConfig() if config is None else config
        if obstacles is not None and obstacles.count.shape[0] != 1:
            raise InvalidValue(f"obstacles must be given for one scene, got {obstacles.count.shape[0]}")
        self._obstacles = obstacles
        self._dynamics: LaggedVelocity | SingleIntegrator = (
            LaggedVelocity(c.period, c.speed, c.time_constant, c.tracking_error)
            if c.time_constant > 0.0
            else SingleIntegrator(c.period, c.speed)
        )
        self._schedule = _Asked(schedule)
        self._guard = GuardedGains(self._schedule, c.period)
        self._filter = SafetyFilter(FilterConfig(c.period, c.margin), self._guard)
        self._good: dict[str, Reading] = {}
        self._progress = _Progress()
        self.clamped = 0

    @property
    def schedule_failures(self) -> int:
        """How often the schedule's answer had the wrong kind or shape."""
        return self._guard.refused

    def step(self, observation: Observation) -> tuple[Wish, RunTimeInfo]:
        """Decide for one period.

        Args:
            observation: What the robot knows now.

        Returns:
            The velocity to command (heading frame), and what the filter did.
        """
        now, own = observation.time, observation.own
        heard = self._listen(observation)
        fault = self._fault(own, now)
        if own is None or fault is not None:
            return self._stop(now, (fault or "", *heard.reasons), heard)
        wanted, yaw_rate, complaint = self._wanted(observation, own)
        stall = self._progress.update(now, observation.goal, own, wanted, PROGRESS * self.config.radius)
        names, view = self._perceive(now, own, heard, observation.goal, wanted, stall)
        before = self._guard.clamped
        self._schedule.speed = float(np.linalg.norm(wanted))
        target = _parting(view, wanted)
        self._schedule.parting = target is not wanted
        filtered = self._filter.filter(view, target[None, :], self._dynamics.bounds(self._state(own)[None, :]))
        clamped = int(filtered.clamped[0]) + self._guard.clamped - before
        self.clamped += clamped
        barriers = self._barriers(names, view, heard)
        wall = float(view.obstacle_gap[0][view.obstacle_valid[0]].min(initial=np.inf))
        velocity, mode, reasons = filtered.velocity[0], FILTERED, (complaint,) if complaint else ()
        if view.crowded[0]:
            reasons = (*reasons, "more is within reach than there are slots for")
        if filtered.status[0] == RELAXED:
            mode, reasons = RELAXATION, (*reasons, "movers that do not cooperate come too close")
        if heard.reasons or filtered.status[0] == INFEASIBLE:
            velocity, yaw_rate, mode = np.zeros(2), 0.0, STOPPED
            reasons = (*reasons, *heard.reasons)
            if filtered.status[0] == INFEASIBLE:
                reasons = (*reasons, "no velocity satisfies the barriers")
        valid = view.valid[0]
        info = RunTimeInfo(
            mode=mode,
            reasons=reasons,
            wanted=wanted,
            velocity=velocity,
            correction=float(np.linalg.norm(velocity - wanted)),
            barriers=barriers,
            obstacle_gap=wall,
            least_gap=min([wall, *(barrier.gap for barrier in barriers)]),
            stale=heard.stale,
            lost=heard.lost,
            refused=heard.refused,
            clamped=clamped,
            gain=float(filtered.gains.gain[0][valid].mean()) if valid.any() else np.nan,
            turn=float(filtered.gains.turn[0]),
            pace=float(filtered.gains.pace[0]),
            stall=stall,
        )
        # The robot turns while the command holds: what is meant for the whole period is told for its middle.
        body = _rotated(velocity, -own.heading - 0.5 * self.config.period * yaw_rate)
        return Wish(now, body, yaw_rate), info

    def _stop(self, now: float, reasons: tuple[str, ...], heard: _Heard) -> tuple[Wish, RunTimeInfo]:
        still = np.zeros(2)
        info = RunTimeInfo(
            STOPPED, reasons, still, still, 0.0, stale=heard.stale, lost=heard.lost, refused=heard.refused
        )
        return Wish(now, still), info

    def _fault(self, own: Reading | None, now: float) -> str | None:
        """Tell why the own odometry cannot be used; None if it can."""
        if own is None:
            return "no own odometry yet"
        try:
            own.validate()
        except InvalidValue as error:
            return f"own odometry refused: {error}"
        age = now - own.time
        return f"own odometry is {age:.2f} s old" if age > self.config.own_timeout else None

    def _listen(self, observation: Observation) -> _Heard:
        """Sort the neighbours by what can be believed of them."""
        c, now = self.config, observation.time
        known, stale, lost, refused, reasons = {}, [], [], [], []
        for name in sorted(observation.neighbours):
            reading = observation.neighbours[name]
            if reading is not None:
                try:
                    reading.validate()
                    self._good[name] = reading
                except InvalidValue:
                    refused.append(name)
            last = self._good.get(name)
            if last is None:
                lost.append(name)
                reasons.append(f"no odometry of {name} yet")
                continue
            known[name] = last
            age = now - last.time
            if age > c.stale:
                stale.append(name)
            if age > c.lost:
                lost.append(name)
                reasons.append(f"odometry of {name} is {age:.2f} s old")
        return _Heard(known, tuple(stale), tuple(lost), tuple(refused), tuple(reasons))

    def _wanted(self, observation: Observation, own: Reading) -> tuple[Array, float, str]:
        """Return the wanted velocity (world frame), yaw rate, and what is wrong with the wish."""
        wish, c = observation.wish, self.config
        if wish is None or observation.time - wish.time > c.wish_timeout:
            return np.zeros(2), 0.0, ""
        if not (np.isfinite(wish.velocity).all() and np.isfinite(wish.yaw_rate)):
            got = [*np.asarray(wish.velocity).tolist(), wish.yaw_rate]
            return np.zeros(2), 0.0, f"wanted velocity refused: must be finite, got {got}"
        velocity = _rotated(np.asarray(wish.velocity, dtype=np.float64), own.heading)
        speed = float(np.linalg.norm(velocity))
        if speed > c.speed:
            velocity = velocity * (c.speed / speed)
        return velocity, float(np.clip(wish.yaw_rate, -c.yaw_rate, c.yaw_rate)), ""

    def _state(self, reading: Reading) -> Array:
        if isinstance(self._dynamics, SingleIntegrator):
            return np.asarray(reading.position, dtype=np.float64)
        return np.concatenate((reading.position, reading.velocity))

    def _perceive(
        self, now: float, own: Reading, heard: _Heard, goal: Array | None, wanted: Array, stall: float
    ) -> tuple[list[str], Neighbourhood]:
        """Build the robot's own neighbourhood; also return the names of all rows, in order."""
        c = self.config
        readings = {**heard.known, self.name: own}
        names = sorted(readings)
        me = names.index(self.name)
        state = np.stack([self._state(readings[name]) for name in names])
        head, tail = self._dynamics.head(state), self._dynamics.tail(state)
        speed = np.array([c.speed if name == self.name else c.neighbour_speed for name in names])
        body = np.array([c.radius if name == self.name else c.neighbour_radius for name in names])
        # Clocks of readings and of now are the same, but a reading may come between two looks at it.
        age = np.array([max(now - readings[name].time, 0.0) for name in names])
        for i, name in enumerate(names):
            if name in heard.stale:
                # Of a mover that may do anything only its place and its speed limit are known.
                head[i], tail[i] = readings[name].position, 0.0
        aim = head.copy()
        aim[me] = head[me] + LOOK_AHEAD_S * wanted if goal is None else goal
        agents = Agents.of(
            position=head[None],
            goal=aim[None],
            radius=(body + c.tracking_error + speed * age)[None],
            speed=speed[None],
            velocity=np.stack([readings[name].velocity for name in names])[None],
            tail=tail[None],
            cooperative=np.array([name not in heard.stale for name in names])[None],
        )
        waited = np.zeros((1, len(names)))
        waited[0, me] = stall
        sensing = SensingConfig(c.sensing_range, max(len(names) - 1, 1), OBSTACLE_SLOTS, c.period)
        return names, perceive(sensing, agents, self._obstacles, waited).rows([me])

    def _barriers(self, names: list[str], view: Neighbourhood, heard: _Heard) -> tuple[Barrier, ...]:
        return tuple(
            Barrier(
                name=names[view.index[0, slot]],
                position=np.asarray(heard.known[names[view.index[0, slot]]].position),
                radius=float(view.neighbour_radius[0, slot]),
                gap=float(view.gap[0, slot]),
                stale=bool(view.uncooperative[0, slot]),
            )
            for slot in np.flatnonzero(view.valid[0]).tolist()
        )


def _parting(view: Neighbourhood, wanted: Array) -> Array:
    """Add to the wanted velocity what leads out of overlaps; without any it is returned itself."""
    near = view.valid[0] & ~view.uncooperative[0] & (view.gap[0] < 0.0)
    wall = view.obstacle_valid[0] & (view.obstacle_gap[0] < 0.0)
    target = wanted
    for gaps, normals, which in (
        (view.gap[0], view.normal[0], near),
        (view.obstacle_gap[0], view.obstacle_normal[0], wall),
    ):
        for slot in np.flatnonzero(which).tolist():
            outwards = min(-gaps[slot] / PARTING_S, PARTING_MPS) - float(normals[slot] @ target)
            if outwards > 0.0:
                target = target + outwards * normals[slot]
    return target


def _rotated(vector: Array, angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1]])

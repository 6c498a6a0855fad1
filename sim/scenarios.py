"""What is asked of a robot and what happens to it, as data with a seed."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from controllers.errors import InvalidValue, UnknownName
from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Disturbance, Payload, Wrench, push
from sim.friction import Friction, UniformFriction
from sim.quadruped_backend import HEALTHY, INITIAL_POSES, MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig
from sim.terrain import Flat, Rough, Slope, Terrain

LYING_GAITS = ("rest", "sit")
STAND_UP_S = 2.0
ONSET_JITTER_S = 0.5
PLANT_TOLERANCE = 0.05


@dataclass(frozen=True)
class TimedCommand:
    """A command and when it is given.

    Attributes:
        at_s: Time since the start of the scenario [s].
        command: The command.
    """

    at_s: float
    command: LocomotionCommand


@dataclass(frozen=True)
class Scenario:
    """One run: world, commands, disturbances.

    Attributes:
        name: Name of the scenario.
        robot: Name of the robot.
        duration_s: Length [s].
        commands: In the order of their times; each holds until the next.
        disturbances: Payloads, wrenches and drag.
        terrain: Ground.
        friction: Of the feet on the ground.
        sensors: Noise and delay.
        seed: Seeds the sensor noise.
        initial_pose: "lie" or "stand".
        mass_scale: Factor on the masses of the simulated robot.
        inertia_scale: Factor on its rotational inertias.
        leg_strength: Share of the torque asked for that the motors of FL, FR, RL and RR exert.
    """

    name: str
    robot: str
    duration_s: float
    commands: tuple[TimedCommand, ...]
    disturbances: tuple[Disturbance, ...] = ()
    terrain: Terrain = field(default_factory=Flat)
    friction: Friction = field(default_factory=UniformFriction)
    sensors: SensorConfig = field(default_factory=SensorConfig)
    seed: int = 0
    initial_pose: str = "lie"
    mass_scale: float = 1.0
    inertia_scale: float = 1.0
    leg_strength: tuple[float, float, float, float] = HEALTHY

    def __post_init__(self) -> None:
        """Refuse scenarios that cannot be run.

        Raises:
            InvalidValue: Names the scenario and the field, what was got and what is allowed.
        """
        if not (np.isfinite(self.duration_s) and self.duration_s > 0.0):
            raise InvalidValue(f"scenario '{self.name}': duration_s must be finite and > 0, got {self.duration_s}")
        times = [timed.at_s for timed in self.commands]
        if not times or not all(np.isfinite(times)) or times[0] < 0.0 or times != sorted(set(times)):
            raise InvalidValue(
                f"scenario '{self.name}': commands must have increasing times >= 0, got {times or 'no command'}"
            )
        if self.initial_pose not in INITIAL_POSES:
            raise InvalidValue(
                f"scenario '{self.name}': initial_pose must be one of {', '.join(INITIAL_POSES)}, "
                f"got '{self.initial_pose}'"
            )

    def command(self, time: float) -> LocomotionCommand:
        """Look up the command in force.

        Args:
            time: Time since the start [s].

        Returns:
            The latest command given by then; before the first one, to rest.
        """
        index = bisect_right(self.commands, time, key=lambda timed: timed.at_s) - 1
        return self.commands[index].command if index >= 0 else LocomotionCommand(gait="rest")

    def upright(self, time: float) -> bool:
        """Tell whether the robot is supposed to be on its feet, for `has_fallen`.

        Args:
            time: Time since the start [s].

        Returns:
            True from `STAND_UP_S` after the end of a "rest" or "sit" until the next one.
        """
        since = 0.0 if self.initial_pose == "stand" else STAND_UP_S
        standing = self.initial_pose == "stand"
        for timed in self.commands:
            if timed.at_s > time:
                break
            if timed.command.gait in LYING_GAITS:
                standing = False
            elif not standing:
                standing, since = True, timed.at_s + STAND_UP_S
        return standing and time >= since

    def sim_config(self, physics_dt: float = 0.002, control_dt: float = 0.002) -> SimConfig:
        """Describe the simulation that the scenario needs.

        Args:
            physics_dt: Integration step [s].
            control_dt: Control period [s].

        Returns:
            Its configuration.
        """
        return SimConfig(
            physics_dt=physics_dt,
            control_dt=control_dt,
            sensors=self.sensors,
            initial_pose=self.initial_pose,
            mass_scale=self.mass_scale,
            inertia_scale=self.inertia_scale,
            leg_strength=self.leg_strength,
        )

    def backend(self, config: SimConfig | None = None) -> MujocoQuadruped:
        """Build the world of the scenario and reset it with the scenario's seed.

        Args:
            config: How to simulate; None for `sim_config()`.

        Returns:
            The robot, about to start.
        """
        backend = MujocoQuadruped(
            self.robot, config or self.sim_config(), self.terrain, self.friction, self.disturbances
        )
        backend.reset(np.random.default_rng(self.seed))
        return backend


def randomised(scenario: Scenario, seed: int) -> Scenario:
    """Vary a scenario as one of many trials.

    The sensor noise gets the seed; commands after the first, and disturbances, are delayed by up to `ONSET_JITTER_S`
    each, so that a disturbance meets any phase of the gait; masses and inertias of the simulated robot vary by up to
    `PLANT_TOLERANCE` while its nominal model stays.

    Args:
        scenario: The scenario to vary.
        seed: Which trial.

    Returns:
        The trial.
    """
    rng = np.random.default_rng(seed)
    command_delay, disturbance_delay = rng.uniform(0.0, ONSET_JITTER_S, 2).tolist()
    mass, inertia = rng.uniform(1.0 - PLANT_TOLERANCE, 1.0 + PLANT_TOLERANCE, 2).tolist()
    first, *others = scenario.commands
    return replace(
        scenario,
        commands=(first, *(TimedCommand(c.at_s + command_delay, c.command) for c in others)),
        disturbances=tuple(_delayed(d, disturbance_delay) for d in scenario.disturbances),
        seed=seed,
        mass_scale=scenario.mass_scale * mass,
        inertia_scale=scenario.inertia_scale * inertia,
    )


def _delayed(disturbance: Disturbance, delay: float) -> Disturbance:
    until = None if disturbance.until_s is None else disturbance.until_s + delay
    return replace(disturbance, at_s=disturbance.at_s + delay, until_s=until)


def _commands(*steps: tuple[float, LocomotionCommand]) -> tuple[TimedCommand, ...]:
    start = ((0.0, LocomotionCommand(gait="rest")), (0.3, LocomotionCommand(gait="stand")))
    return tuple(TimedCommand(at_s, command) for at_s, command in (*start, *steps))


def _trot(velocity_x: float = 0.0, velocity_y: float = 0.0, yaw_rate: float = 0.0) -> LocomotionCommand:
    return LocomotionCommand(velocity_x, velocity_y, yaw_rate, gait="trot")


def _walk(name: str, robot: str, command: LocomotionCommand, seconds: float = 20.0, **more: object) -> Scenario:
    """Stand up, trot on the spot, then follow one command."""
    commands = _commands((2.5, _trot()), (3.0, command))
    return Scenario(name, robot, 3.0 + seconds, commands, **more)


def _go2_payload(robot: str) -> Scenario:
    commands = _commands(
        (2.5, _trot()),
        (3.0, _trot(0.5)),
        (19.0, LocomotionCommand(gait="stand")),
        (20.0, LocomotionCommand(gait="sit")),
    )
    payload = Payload(mass_kg=8.0, offset_m=(-0.08, 0.04, 0.13), at_s=8.0, until_s=16.0)
    return Scenario("go2_payload", robot, 22.5, commands, (payload,))


def _gaits(robot: str) -> Scenario:
    steps = [(2.5, LocomotionCommand(gait="stand"))]
    for number, gait in enumerate(("trot", "walking_trot", "pace", "crawl", "trot")):
        speed = 0.15 if gait == "crawl" else 0.3
        steps.append((3.5 + 4.0 * number, LocomotionCommand(speed, gait=gait)))
    return Scenario("gaits", robot, 25.0, _commands(*steps, (23.5, LocomotionCommand(gait="stand"))))


SCENARIOS: dict[str, Callable[[str], Scenario]] = {
    "go2_payload": _go2_payload,
    "flat_walk": lambda robot: _walk("flat_walk", robot, _trot(0.5)),
    "fast_walk": lambda robot: _walk("fast_walk", robot, _trot(1.0), 12.0),
    "push": lambda robot: _walk(
        "push", robot, _trot(0.5), 7.0, disturbances=(push(6.0, (0.0, 220.0, 0.0), duration_s=0.1),)
    ),
    "turn": lambda robot: _walk("turn", robot, _trot(0.3, 0.0, 0.8), 12.0),
    "sideways": lambda robot: _walk("sideways", robot, _trot(0.0, 0.3), 12.0),
    "gaits": _gaits,
    "wrench": lambda robot: _walk(
        "wrench", robot, _trot(0.5), 12.0, disturbances=(Wrench(force_n=(0.0, 15.0, -40.0), at_s=6.0, until_s=12.0),)
    ),
    "short_walk": lambda robot: Scenario("short_walk", robot, 3.5, _commands((2.3, _trot(0.3)))),
    "slope": lambda robot: _walk("slope", robot, _trot(0.4), 15.0, terrain=Slope(10.0)),
    "rough": lambda robot: _walk("rough", robot, _trot(0.4), 15.0, terrain=Rough(0.05, 0.5)),
}


def get_scenario(name: str, robot: str = "go2", seed: int = 0) -> Scenario:
    """Look a scenario up.

    Args:
        name: One of `SCENARIOS`.
        robot: Name of the robot that runs it.
        seed: Seeds the sensor noise.

    Returns:
        The scenario.

    Raises:
        UnknownName: There is no such scenario; lists those that exist.
    """
    if name not in SCENARIOS:
        raise UnknownName("scenario", name, SCENARIOS)
    return replace(SCENARIOS[name](robot), seed=seed)

"""Parameters of the safety filter."""

from dataclasses import dataclass
from pathlib import Path

from controllers.errors import InvalidValue
from controllers.safety.gains import FixedGains, GainSchedule
from controllers.safety.goal_seeking import GoalSeekingConfig
from controllers.safety.liveness import Liveness
from controllers.safety.obstacles import Obstacle, Obstacles, disc, segment
from controllers.safety.run_time_filter import RunTimeConfig
from policies.navigation.navigator import make_schedule
from pronk_navigation.planar_odometry import Origin
from pronk_node_kit.parameters import param

SCHEDULES = ("fixed", "liveness", "network")


@dataclass(frozen=True)
class FilterParameters:
    """Parameters of the safety filter. Its defaults are those of a Go2."""

    robots: tuple[str, ...] = param(
        (), "Namespaces of the robots that this node filters, such as robot_1; empty: the one in its own namespace."
    )
    neighbours: tuple[str, ...] = param(
        (), "Namespaces of robots to keep clear of, such as /robot_2; those that it filters are known already."
    )
    odom_topic: str = param("odom", "Topic of the odometry below each namespace.")
    frame: str = param("odom", "Frame that all robots share; goals and markers are in it.")
    origins: tuple[float, ...] = param(
        (),
        "Where the odometry of each robot begins in the shared frame: x, y [m], yaw [rad] for robots, then neighbours, "
        "as listed; empty: all odometry is in the shared frame.",
    )
    drive_to_goal: bool = param(False, "Make the wanted velocity from goal_pose; cmd_vel_nominal is then not heard.")
    cruise_mps: float = param(0.5, "Speed on the way to a goal [m/s].", ge=0.0, le=5.0)
    goal_tolerance_m: float = param(0.1, "Distance at which a goal is reached [m].", ge=0.01, le=5.0)
    schedule: str = param(
        "liveness",
        "What tunes the barriers: fixed gains, liveness (made by hand, ends deadlocks) or network (learned, on top).",
        choices=SCHEDULES,
    )
    weights: str = param("", "Schedule network: file of `pronk train navigation`; empty for the weights that ship.")
    gain: float = param(1.0, "Schedule fixed: how fast gaps may be used up [1/s].", ge=0.0, le=100.0)
    period_s: float = param(0.05, "Control period [s].", ge=0.005, le=1.0)
    radius_m: float = param(0.45, "Radius of the disc that holds a robot [m].", ge=0.01, le=10.0)
    neighbour_radius_m: float = param(0.45, "The same for the neighbours [m].", ge=0.01, le=10.0)
    speed_mps: float = param(0.6, "Limit of the commanded speed [m/s].", ge=0.01, le=10.0)
    neighbour_speed_mps: float = param(0.6, "Greatest speed of neighbours [m/s].", ge=0.0, le=10.0)
    yaw_rate_radps: float = param(1.0, "Limit of the commanded yaw rate [rad/s].", ge=0.0, le=10.0)
    time_constant_s: float = param(
        0.25, "Lag with which a robot follows velocity commands; 0 for none [s].", ge=0.0, le=5.0
    )
    tracking_error_m: float = param(
        0.06, "How far robots stray from that model, and their odometry from the truth [m].", ge=0.0, le=2.0
    )
    margin_m: float = param(0.02, "Taken off every gap [m].", ge=0.0, le=2.0)
    sensing_range_m: float = param(8.0, "Distance within which neighbours matter [m].", ge=0.1, le=1000.0)
    own_timeout_s: float = param(0.2, "Age of the own odometry beyond which a robot stops [s].", ge=0.01, le=10.0)
    stale_s: float = param(
        0.3, "Age of a neighbour's odometry beyond which it counts as one that gives no way [s].", ge=0.01, le=10.0
    )
    lost_s: float = param(1.0, "Age of a neighbour's odometry beyond which a robot stops [s].", ge=0.01, le=60.0)
    command_timeout_s: float = param(
        0.5, "Age of cmd_vel_nominal beyond which the wanted velocity is zero [s].", ge=0.05, le=10.0
    )
    discs: tuple[float, ...] = param((), "Round obstacles: x, y, radius of each [m].")
    walls: tuple[float, ...] = param((), "Straight obstacles: x, y, x, y of the ends and half the thickness [m].")
    marker_period_s: float = param(0.1, "Least time between markers [s].", ge=0.01, le=10.0)

    def __post_init__(self) -> None:
        """Refuse lists of the wrong length and times that contradict each other.

        Raises:
            InvalidValue: Names the parameter.
        """
        for name, width in (("discs", 3), ("walls", 5)):
            if len(getattr(self, name)) % width:
                raise InvalidValue(
                    f"parameter '{name}' must hold {width} numbers for each obstacle, got {len(getattr(self, name))}"
                )
        places = 3 * (max(len(self.robots), 1) + len(self.neighbours))
        if self.origins and len(self.origins) != places:
            raise InvalidValue(
                f"parameter 'origins' must hold 3 numbers for each robot and neighbour, {places}, "
                f"got {len(self.origins)}"
            )
        if self.lost_s < self.stale_s:
            raise InvalidValue(f"parameter 'lost_s' must not be below stale_s = {self.stale_s}, got {self.lost_s}")
        if len(set(self.robots)) < len(self.robots):
            raise InvalidValue(f"parameter 'robots' must not name a robot twice, got {list(self.robots)}")
        self.obstacles()

    def filter(self) -> RunTimeConfig:
        """Translate to the core's configuration."""
        return RunTimeConfig(
            period=self.period_s,
            radius=self.radius_m,
            speed=self.speed_mps,
            yaw_rate=self.yaw_rate_radps,
            time_constant=self.time_constant_s,
            tracking_error=self.tracking_error_m,
            margin=self.margin_m,
            neighbour_radius=self.neighbour_radius_m,
            neighbour_speed=self.neighbour_speed_mps,
            sensing_range=self.sensing_range_m,
            own_timeout=self.own_timeout_s,
            stale=self.stale_s,
            lost=self.lost_s,
            wish_timeout=self.command_timeout_s,
        )

    def goal_seeking(self) -> GoalSeekingConfig:
        """Translate to the configuration of the way to a goal."""
        return GoalSeekingConfig(
            speed=min(self.cruise_mps, self.speed_mps), yaw_rate=self.yaw_rate_radps, tolerance=self.goal_tolerance_m
        )

    def gain_schedule(self) -> GainSchedule:
        """Make the schedule; each robot needs one of its own."""
        if self.schedule == "network":
            return make_schedule(self.period_s, Path(self.weights) if self.weights else None)
        return Liveness(self.period_s) if self.schedule == "liveness" else FixedGains(self.gain)

    def obstacles(self) -> Obstacles:
        """Pack what does not move."""
        items: list[Obstacle] = [disc(d[:2], d[2]) for d in _groups(self.discs, 3)]
        items += [segment(w[:2], w[2:4], w[4]) for w in _groups(self.walls, 5)]
        return Obstacles.of([items])

    def origin(self, place: int) -> Origin | None:
        """Return where a robot's odometry begins, counting robots, then neighbours; None where all share a frame."""
        return Origin(*self.origins[3 * place : 3 * place + 3]) if self.origins else None


def _groups(values: tuple[float, ...], width: int) -> list[tuple[float, ...]]:
    return [values[i : i + width] for i in range(0, len(values), width)]

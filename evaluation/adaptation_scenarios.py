"""What the suites of adaptation do to a walking robot, one function per family of cases."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from controllers.quadruped.gait import GAITS
from controllers.robot.catalog import load_robot
from controllers.robot.interface import LocomotionCommand
from sim.disturbances import Disturbance, Drag, Payload, PeriodicWrench, Triple, Wrench, push
from sim.friction import FrictionPatches
from sim.scenarios import Scenario, TimedCommand
from sim.sensors import SensorConfig
from sim.terrain import Rough, Slope

GRAVITY = 9.81
SPEED_MPS = 0.5
WALK_AT_S = 0.5
LOADED_AT_S = 3.5
# By then all feet have been on the incline for a second: the way up to it is the same for every method.
LOADED_ON_SLOPE_AT_S = 5.2
SLOPE_SPEED_MPS = 0.4
ROUGH_SPEED_MPS = 0.4
STEP_S = 3.0
ICE_AT_M = 1.5
PUSH_PHASES = 6
TROT_PERIOD_S = GAITS["trot"].period
BACK_M = 0.13
DIRECTIONS: dict[str, Triple] = {
    "forward": (1.0, 0.0, 0.0),
    "backward": (-1.0, 0.0, 0.0),
    "left": (0.0, 1.0, 0.0),
    "right": (0.0, -1.0, 0.0),
    "down": (0.0, 0.0, -1.0),
}
INCLINES = {"up": (1.0, "x"), "down": (-1.0, "x"), "across": (1.0, "y")}
# The speeds that a robot under drag is asked for, one after the other: no constant force explains all of them.
DRAG_SPEEDS_MPS = (0.3, 0.7, 0.4, 0.8, 0.2, 0.6)
DRAG_SPEED_S = 1.8
DRAG_NOMINAL_MPS = 0.5
TICK_S = 0.002


def walk(seconds: float, *disturbances: Disturbance, speed: float = SPEED_MPS, yaw_rate: float = 0.0, **more: Any):
    """Trot on the spot from a stand, then walk.

    Args:
        seconds: Length of the run [s].
        disturbances: What happens.
        speed: Forward [m/s].
        yaw_rate: Turning to the left [rad/s].
        more: Further fields of `Scenario`.

    Returns:
        The scenario, not yet named.
    """
    trot = TimedCommand(0.0, LocomotionCommand(gait="trot"))
    go = TimedCommand(WALK_AT_S, LocomotionCommand(speed, 0.0, yaw_rate, gait="trot"))
    fields = {"robot": "go2", "initial_pose": "stand", **more}
    return Scenario("walk", duration_s=seconds, commands=(trot, go), disturbances=disturbances, **fields)


def scaled(mass_kg: float, robot: str) -> float:
    """Scale a load of the Go2 to another robot, so that it weighs as much of what it weighs itself.

    Args:
        mass_kg: Load of the Go2 [kg].
        robot: Robot.

    Returns:
        Load of that robot [kg].
    """
    return mass_kg * float(load_robot(robot).mass) / float(load_robot("go2").mass)


def off_centre(offset_m: float) -> Triple:
    """Place a load on the back.

    Args:
        offset_m: Distance of its centre of mass from the axis of the base, to the rear left (4 : 3) [m].

    Returns:
        Centre of mass relative to the base origin, base frame [m].
    """
    return (-0.8 * offset_m, 0.6 * offset_m, BACK_M)


def force(direction: str, kilograms: float, robot: str = "go2", seconds: float = 10.0, **more: Any) -> Scenario:
    """Pull at the base origin, which is no torque about it, from `LOADED_AT_S` to the end.

    Args:
        direction: One of `DIRECTIONS`, world axes.
        kilograms: Weight that equals the force of a Go2, scaled for other robots [kg].
        robot: Robot.
        seconds: Length of the run [s].
        more: As for `walk`.

    Returns:
        The scenario.
    """
    newton = scaled(kilograms, robot) * GRAVITY
    x, y, z = (newton * share for share in DIRECTIONS[direction])
    return walk(seconds, Wrench((x, y, z), at_s=LOADED_AT_S), robot=robot, **more)


def payload(kilograms: float, seconds: float = 10.0, robot: str = "go2", **more: Any) -> Scenario:
    """Put a box on the back at `LOADED_AT_S`.

    Args:
        kilograms: Mass for a Go2, scaled for other robots [kg].
        seconds: Length of the run [s].
        robot: Robot.
        more: As for `walk`.

    Returns:
        The scenario.
    """
    box = Payload(scaled(kilograms, robot), off_centre(0.0), LOADED_AT_S)
    return walk(seconds, box, robot=robot, **more)


def payload_steps(
    offset_m: float = 0.0,
    masses_kg: Sequence[float] = (4.0, 8.0, 4.0),
    step_s: float = STEP_S,
    robot: str = "go2",
    **more: Any,
) -> Scenario:
    """Load and unload in steps, and walk on empty for one more.

    Args:
        offset_m: As for `off_centre` [m].
        masses_kg: Masses for a Go2, one after the other, scaled for other robots [kg].
        step_s: How long each stays [s].
        robot: Robot.
        more: As for `walk`.

    Returns:
        The scenario.
    """
    times = [LOADED_AT_S + step_s * number for number in range(len(masses_kg) + 2)]
    boxes = [
        Payload(scaled(mass, robot), off_centre(offset_m), begin, end)
        for mass, begin, end in zip(masses_kg, times, times[1:], strict=False)
    ]
    return walk(times[-1], *boxes, robot=robot, **more)


def payload_ramp(kilograms: float) -> Scenario:
    """Let a load grow over 6 s and stay for 3 s.

    Args:
        kilograms: Full mass [kg].

    Returns:
        The scenario.
    """
    box = Payload(kilograms, off_centre(0.0), LOADED_AT_S, profile="ramp", profile_s=6.0)
    return walk(LOADED_AT_S + 9.0, box)


def payload_sine(hertz: float, kilograms: float = 8.0, seconds: float = 11.0) -> Scenario:
    """Let a load swell and ebb between 0 and its full mass.

    Args:
        hertz: How often [Hz].
        kilograms: Full mass [kg].
        seconds: Least length of the run, which holds at least one period [s].

    Returns:
        The scenario.
    """
    box = Payload(kilograms, off_centre(0.0), LOADED_AT_S, profile="sine", profile_s=1.0 / hertz)
    return walk(max(seconds, LOADED_AT_S + 1.0 / hertz + 0.5), box)


def slope(kind: str, degrees: float, kilograms: float = 0.0) -> Scenario:
    """Walk on an incline, with a load that comes once all feet are on it.

    Args:
        kind: One of `INCLINES`.
        degrees: Inclination [degree].
        kilograms: Load; 0 for none [kg].

    Returns:
        The scenario.
    """
    sign, axis = INCLINES[kind]
    loads = [Payload(kilograms, off_centre(0.0), LOADED_ON_SLOPE_AT_S)] if kilograms else []
    return walk(12.0, *loads, speed=SLOPE_SPEED_MPS, terrain=Slope(sign * degrees, axis))


def rough(peak_to_peak_m: float, kilograms: float = 0.0) -> Scenario:
    """Walk over bumps about half a metre apart.

    Args:
        peak_to_peak_m: Between the highest and the lowest point [m].
        kilograms: Load from `LOADED_AT_S` on; 0 for none [kg].

    Returns:
        The scenario; the seed of the bumps is set with that of the trial.
    """
    loads = [Payload(kilograms, off_centre(0.0), LOADED_AT_S)] if kilograms else []
    return walk(11.0, *loads, speed=ROUGH_SPEED_MPS, terrain=Rough(peak_to_peak_m, 0.5))


def strips(width_m: float) -> FrictionPatches:
    """Lay strips across the way, grip and ice in turn.

    Args:
        width_m: Width of a strip [m].

    Returns:
        Friction of 0.5 and 0.05 in turn; the first ice begins `ICE_AT_M` from the start, however wide the strips are.
    """
    return FrictionPatches(width_m, (0.5, 0.05), ICE_AT_M - width_m)


def shove(newton: float, phase: int, seconds: float = 3.0, duration_s: float = 0.1) -> Scenario:
    """Shove the trotting robot to the left at one of `PUSH_PHASES` phases of its gait.

    Args:
        newton: Force [N].
        phase: Number of the phase; taken modulo `PUSH_PHASES`.
        seconds: Time after the shove [s].
        duration_s: How long it lasts [s].

    Returns:
        The scenario.
    """
    at_s = LOADED_AT_S + (phase % PUSH_PHASES) / PUSH_PHASES * TROT_PERIOD_S
    return walk(at_s + duration_s + seconds, push(at_s, (0.0, newton, 0.0), duration_s))


def drag(newton: float, speeds_mps: Sequence[float] = DRAG_SPEEDS_MPS) -> Scenario:
    """Tow a load or wade, at a speed that changes.

    The force against the way ahead is a k v², with k such that it is as told at `DRAG_NOMINAL_MPS`; sideways it is
    60 N·s/m. What it costs in speed differs from command to command.

    Args:
        newton: Force at `DRAG_NOMINAL_MPS` [N].
        speeds_mps: Speeds asked for from `LOADED_AT_S` on, each for `DRAG_SPEED_S` [m/s].

    Returns:
        The scenario.
    """
    load = Drag((0.0, 60.0, 0.0), (newton / DRAG_NOMINAL_MPS**2, 0.0, 0.0), LOADED_AT_S)
    base = walk(LOADED_AT_S + DRAG_SPEED_S * len(speeds_mps), load)
    asked = [
        TimedCommand(LOADED_AT_S + DRAG_SPEED_S * number, LocomotionCommand(speed, gait="trot"))
        for number, speed in enumerate(speeds_mps)
    ]
    return replace(base, commands=(*base.commands, *asked))


def slosh(newton: float, axis: str = "z", per_stride: float = 1.0, kilograms: float = 4.0) -> Scenario:
    """Carry a load that rocks at the pace of the trot.

    The box stands on the back; the force of what moves in it acts at its centre.

    Args:
        newton: Amplitude of that force [N].
        axis: "z" for up and down, "y" for side to side, in the base frame.
        per_stride: Swings in each cycle of the gait.
        kilograms: Mass of the box [kg].

    Returns:
        The scenario.
    """
    amplitude = (0.0, newton, 0.0) if axis == "y" else (0.0, 0.0, newton)
    centre = off_centre(0.0)
    rocking = PeriodicWrench(amplitude, period_s=TROT_PERIOD_S / per_stride, at_s=LOADED_AT_S, point_m=centre)
    return walk(11.0, Payload(kilograms, centre, LOADED_AT_S), rocking)


def delayed(build: Callable[[], Scenario], delay_ms: float) -> Scenario:
    """Hand sensor readings out late.

    Args:
        build: Makes the scenario.
        delay_ms: Age of the readings, a whole number of ticks of 2 ms [ms].

    Returns:
        The scenario.
    """
    return replace(build(), sensors=SensorConfig(delay_ticks=round(delay_ms * 1e-3 / TICK_S)))


def noisy(build: Callable[[], Scenario], factor: float) -> Scenario:
    """Make sensors noisier than those of a Go2.

    Args:
        build: Makes the scenario.
        factor: On all standard deviations.

    Returns:
        The scenario.
    """
    usual = SensorConfig()
    names = [name for name in SensorConfig.__dataclass_fields__ if name.endswith("_std")]
    return replace(build(), sensors=replace(usual, **{name: factor * getattr(usual, name) for name in names}))


def weak_leg(build: Callable[[], Scenario], percent: float) -> Scenario:
    """Weaken the motors of the front right leg.

    Args:
        build: Makes the scenario.
        percent: What they exert of the torque asked for [%].

    Returns:
        The scenario.
    """
    return replace(build(), leg_strength=(1.0, percent / 100.0, 1.0, 1.0))


def level(value: float) -> str:
    """Write a number as names of cases carry it.

    Args:
        value: A number >= 0.

    Returns:
        "8" for 8, "0p25" for 0.25.
    """
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"a level must be finite and >= 0, got {value}")
    return f"{value:g}".replace(".", "p")

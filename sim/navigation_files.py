"""Reads and writes scenes of multi-robot navigation as JSON.

A file holds a list of scenes:

    [{"name": "swap", "dynamics": "single_integrator", "time_limit_s": 60.0,
      "agents": [{"start": [0, 0], "goal": [5, 0], "speed": 1.0, "radius": 0.3}, …],
      "obstacles": [{"disc": [x, y, r]}, {"polygon": [[x, y], …]}, {"segment": [[x, y], [x, y]], "radius": 0.05}]}]

Optional in a scene: "dt_s", "goal_tolerance_m", "arena" ([[x, y], [x, y]], lower and upper corner), "obstacles", and an
object with the fields of `Motion` in place of the name of the dynamics. Optional in an agent: "cooperative".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from controllers.errors import ControlError, InvalidValue
from controllers.safety.obstacles import Obstacle, disc, polygon, segment
from sim.navigation_scene import Motion, Scene

SCENE_KEYS = ("name", "dynamics", "time_limit_s", "dt_s", "goal_tolerance_m", "arena", "agents", "obstacles")
AGENT_KEYS = ("start", "goal", "speed", "radius", "cooperative")
SHAPES = ("disc", "polygon", "segment")
MOTION_KEYS = tuple(field.name for field in fields(Motion))


def load_scenes(path: Path | str) -> list[Scene]:
    """Read a scene file.

    Args:
        path: JSON file.

    Returns:
        The scenes.

    Raises:
        InvalidValue: The file is missing, no list of scenes, or a scene has an unknown key (the message lists the
            known ones), a missing one, or a value that is not allowed. Names the file and the scene.
    """
    path = Path(path)
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidValue(f"cannot read the scene file {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{path} is not valid JSON: {error}") from error
    if not isinstance(items, list) or not items:
        raise InvalidValue(f"{path} must hold a list of at least one scene, got {type(items).__name__}")
    scenes: list[Scene] = []
    for number, item in enumerate(items, start=1):
        name = item.get("name", number) if isinstance(item, dict) else number
        try:
            scenes.append(_scene(item, f"scene_{number}"))
        except (ControlError, TypeError, ValueError) as error:
            raise InvalidValue(f"{path}, scene {name}: {error}") from error
    names = [scene.name for scene in scenes]
    if len(set(names)) < len(names):
        raise InvalidValue(f"{path}: names of scenes must differ, got {names}")
    return scenes


def _known(item: Any, known: Sequence[str], required: Sequence[str], what: str) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise InvalidValue(f"{what} must be an object, got {type(item).__name__}")
    for key in item:
        if key not in known:
            raise InvalidValue(f"unknown key '{key}' of {what}; known: {', '.join(known)}")
    for key in required:
        if key not in item:
            raise InvalidValue(f"{what} needs '{key}'")
    return item


def _scene(item: Any, name: str) -> Scene:
    item = _known(item, SCENE_KEYS, ("agents",), "a scene")
    if not isinstance(item["agents"], list) or not item["agents"]:
        raise InvalidValue("'agents' must be a list of at least one agent")
    agents = [_known(agent, AGENT_KEYS, AGENT_KEYS[:4], "an agent") for agent in item["agents"]]
    more: dict[str, Any] = {}
    for key, field in (("time_limit_s", "time_limit_s"), ("dt_s", "dt"), ("goal_tolerance_m", "goal_tolerance")):
        if key in item:
            more[field] = float(item[key])
    if "arena" in item:
        corners = np.array(item["arena"], dtype=np.float64)
        if corners.shape != (2, 2) or not (corners[0] < corners[1]).all():
            raise InvalidValue(f"'arena' must be [[x, y], [x, y]], lower and upper corner, got {item['arena']}")
        more["lower"], more["upper"] = tuple(corners[0].tolist()), tuple(corners[1].tolist())
    dynamics = item.get("dynamics", "single_integrator")
    if isinstance(dynamics, dict):
        motion = Motion(**_known(dynamics, MOTION_KEYS, ("kind",), "the dynamics"))
    else:
        motion = Motion(str(dynamics))
    return Scene(
        str(item.get("name", name)),
        np.array([agent["start"] for agent in agents], dtype=np.float64),
        np.array([agent["goal"] for agent in agents], dtype=np.float64),
        np.array([agent["speed"] for agent in agents], dtype=np.float64),
        np.array([agent["radius"] for agent in agents], dtype=np.float64),
        tuple(_obstacle(obstacle) for obstacle in item.get("obstacles", [])),
        motion=motion,
        cooperative=np.array([bool(agent.get("cooperative", True)) for agent in agents]),
        **more,
    )


def _obstacle(item: Any) -> Obstacle:
    item = _known(item, (*SHAPES, "radius"), (), "an obstacle")
    kinds = [key for key in SHAPES if key in item]
    if len(kinds) != 1:
        raise InvalidValue(f"an obstacle must have one of {', '.join(SHAPES)}, got {list(item)}")
    kind, rounding = kinds[0], float(item.get("radius", 0.0))
    value = item[kind]
    if kind == "disc":
        x, y, radius = (float(number) for number in value)
        return disc((x, y), radius + rounding)
    if kind == "segment":
        start, end = value
        return segment(start, end, rounding)
    return polygon(value, rounding)


def save_scenes(path: Path | str, scenes: Sequence[Scene]) -> None:
    """Write a scene file that `load_scenes` reads.

    Args:
        path: JSON file; its folder is made.
        scenes: The scenes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([_item(scene) for scene in scenes], indent=1) + "\n", encoding="utf-8")


def _item(scene: Scene) -> dict[str, Any]:
    plain = scene.motion == Motion(scene.motion.kind)
    item: dict[str, Any] = {
        "name": scene.name,
        "dynamics": scene.motion.kind if plain else asdict(scene.motion),
        "time_limit_s": scene.time_limit_s,
        "dt_s": scene.dt,
        "goal_tolerance_m": scene.goal_tolerance,
    }
    if scene.lower is not None and scene.upper is not None:
        item["arena"] = [list(scene.lower), list(scene.upper)]
    item["agents"] = [
        {
            "start": scene.start[i].tolist(),
            "goal": scene.goal[i].tolist(),
            "speed": float(scene.speed[i]),
            "radius": float(scene.radius[i]),
            **({} if np.asarray(scene.cooperative)[i] else {"cooperative": False}),
        }
        for i in range(scene.agents)
    ]
    shapes = []
    for obstacle in scene.obstacles:
        corners = obstacle.corners.tolist()
        if len(corners) == 1:
            shapes.append({"disc": [*corners[0], obstacle.radius]})
        else:
            kind = "segment" if len(corners) == 2 else "polygon"
            shapes.append({kind: corners, **({"radius": obstacle.radius} if obstacle.radius else {})})
    item["obstacles"] = shapes
    return item

"""What is where in the folder of a loop, and what was kept of its rollouts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue
from policies.sail.records import read_json
from sim.episodes import find_episodes, first_actions, read_episode, write_episode

SETTINGS, GIVEN, VERDICTS, REPORT = "sail.json", "given.json", "verdicts.json", "report.json"
ROLLOUTS, KEPT, MODELS, VIDEO = "rollouts", "kept", "models", "rollout.mp4"
ITERATION = "iteration_"


def kept_of(place: Path, verdicts: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """List what an iteration's rollouts give to learn from, each up to where the filter saw a success.

    Args:
        place: Folder of the iteration.
        verdicts: Of the filter, by the rollouts' names; those without one are not listed.

    Returns:
        Episodes; what was cut short is written where it is missing.

    Raises:
        OSError: It cannot be written.
    """
    files = []
    for file in find_episodes(place / ROLLOUTS):
        verdict = verdicts.get(file.name)
        if verdict is None or not verdict["kept"]:
            continue
        # Loops from before this was told learned from whole rollouts.
        end = verdict.get("end", -1)
        if 0 < end < verdict["steps"]:
            whole, file = file, place / KEPT / file.name
            if not file.exists():
                write_episode(file, first_actions(read_episode(whole), end))
        files.append(file)
    return files


def find_kept(folder: Path, given: list[Path]) -> list[Path]:
    """List all that a loop has kept.

    Args:
        folder: Of the loop.
        given: Episodes of the task that its data held.

    Returns:
        Those of them that its filter kept, and what it kept of its rollouts, in the order of time.

    Raises:
        InvalidValue: The loop was given another number of episodes, or a file is damaged.
    """
    judged: list[bool] = read_json(folder / GIVEN) or []
    if len(judged) != len(given):
        raise InvalidValue(
            f"the data of the loop '{folder}' held {len(judged)} episodes of its task, these hold {len(given)}: name "
            "the folders that it was run with"
        )
    kept = [path for path, good in zip(given, judged, strict=True) if good]
    number = 0
    while (place := folder / f"{ITERATION}{number}").is_dir():
        kept += kept_of(place, read_json(place / VERDICTS) or {})
        number += 1
    return kept

"""The short walk, recorded while it is simulated in this process."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from short_walk import SCENARIO

from evaluation.replay.rollout_bag import record_rollout
from evaluation.rollout import Tick


@dataclass
class Recorded:
    """A bag and the log of the run that it holds."""

    bag: Path
    log: list[Tick]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded") / "walk"
    return Recorded(folder, record_rollout(SCENARIO, folder))

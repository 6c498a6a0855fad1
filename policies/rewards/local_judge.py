"""The published reward model in this process, read from a local folder; nothing is downloaded.

Three billion parameters answer in a fraction of a second on a graphics card; on a processor each state, three
questions, takes minutes. `policies.rewards.served_judge` asks the same over HTTP.
"""

from pathlib import Path

from policies.rewards.asked_judge import SUCCESS, VIEWS, AskedJudge
from policies.rewards.fusion import FusionConfig
from policies.rewards.local_model import LocalConfig, LocalModel

LOCAL = "local"


class LocalJudge(AskedJudge):
    """Judges by a model in this process; a `policies.rewards.judge.Judge`.

    Published is sampling at a temperature of 0.1; here the most likely answer is taken, so that the same episode is
    judged the same again, and for the same reason no question is asked twice.
    """

    def __init__(
        self,
        config: LocalConfig | Path,
        views: tuple[str, ...] = VIEWS,
        size: int = 64,
        fusion: FusionConfig | None = None,
        success: float = SUCCESS,
    ) -> None:
        """Set up; the weights are loaded when the first question comes.

        Args:
            config: Which model, or its folder.
            views: Three cameras; the first one also shows start and goal.
            size: Width and height of their pictures [pixel].
            fusion: How the three sides become one; published: their mean.
            success: Progress from which on the task counts as done.

        Raises:
            MissingModel: There is no model in the folder.
            InvalidValue: There are not three cameras.
        """
        self.model = LocalModel(LocalConfig(config) if isinstance(config, Path) else config)
        super().__init__(self.model, views, size, fusion, success)

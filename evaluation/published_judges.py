"""Published reward models among the judges that an evaluation compares."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from evaluation.journal import digest_files
from policies.rewards.judge import Judge
from policies.rewards.local_judge import LOCAL, LocalJudge
from policies.rewards.served_judge import SERVED, ServedJudge, server_config


class PublishedJudge(NamedTuple):
    """A published model that can be asked.

    Attributes:
        judge: It.
        mark: Tells it from others of the same name in journals.
    """

    judge: Judge
    mark: str


def find_published(
    folder: Path | None, url: str | None, name: str, views: tuple[str, ...], size: int
) -> dict[str, PublishedJudge]:
    """Collect the published models that a user has.

    Args:
        folder: Where one lies; None for none.
        url: Where one is served; None for none.
        name: Under which it is served; empty for the published one.
        views: Three cameras.
        size: Width and height of their pictures [pixel].

    Returns:
        "local" and "served", as far as they are there.

    Raises:
        MissingModel: There is no model in the folder.
        InvalidValue: The address is none, or there are not three cameras.
    """
    found = {}
    if folder is not None:
        judge = LocalJudge(folder, views, size)
        files = sorted(path for path in folder.iterdir() if path.is_file())
        found[LOCAL] = PublishedJudge(judge, digest_files((path.name, path) for path in files))
    if url is not None:
        config = server_config(url, name)
        # Nobody can look into a server: its address and name have to do.
        mark = hashlib.sha256(f"{config.url} {config.model}".encode()).hexdigest()[:16]
        found[SERVED] = PublishedJudge(ServedJudge(config, views, size), mark)
    return found

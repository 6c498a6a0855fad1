"""Keeps compiled kernels apart by the sources that they were compiled from.

Numba looks only at the file of a kernel to tell whether its cached machine code is current. A kernel
that calls one in another file would keep the old callee after an update. Robots are not to run old
code, so the cache lives in a folder named by a hash over all sources of the package.
"""

import hashlib
import os
import shutil
from pathlib import Path

from numba.core import config

PREFIX = "kernels-"
KEPT = 4


def source_hash(package: Path) -> str:
    """Hash all Python sources below a folder.

    Args:
        package: The folder.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """Tell where caches live: below NUMBA_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pronk"


def use_cache_of(package: Path) -> Path:
    """Point numba at the cache that belongs to the present sources, and drop caches of old ones.

    Args:
        package: Folder of the package whose kernels are compiled.

    Returns:
        The cache folder; it is made when the first kernel is stored.
    """
    root = cache_root()
    folder = root / f"{PREFIX}{source_hash(package)}"
    setattr(config, "CACHE_DIR", str(folder))  # noqa: B010 - numba adds its settings at run time
    if root.is_dir() and not folder.is_dir():
        old = sorted(root.glob(f"{PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)
    return folder

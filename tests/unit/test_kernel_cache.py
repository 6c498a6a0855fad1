import subprocess
import sys
from pathlib import Path

import pytest

from controllers.kernel_cache import KEPT, cache_root, source_hash, use_cache_of

CALLEE = "from numba import njit\n@njit(cache=True)\ndef value() -> float:\n    return {value}\n"
CALLER = """from numba import njit
from mini.callee import value

@njit(cache=True)
def twice() -> float:
    return 2.0 * value()
"""
PACKAGE = """from pathlib import Path
from controllers.kernel_cache import use_cache_of
use_cache_of(Path(__file__).parent)
"""


def _run(folder: Path, cache: Path) -> float:
    program = "from mini.caller import twice; print(twice())"
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": f"{folder}:{root}", "NUMBA_CACHE_DIR": str(cache), "PATH": ""}
    # Python takes a change of the same length within the same second for none, and what is tested is not Python.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return float(done.stdout)


def test_a_kernel_follows_a_change_in_a_kernel_of_another_file(tmp_path: Path) -> None:
    package = tmp_path / "mini"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    (package / "caller.py").write_text(CALLER)
    (package / "callee.py").write_text(CALLEE.format(value="1.0"))
    assert _run(tmp_path, tmp_path / "cache") == 2.0
    (package / "callee.py").write_text(CALLEE.format(value="5.0"))
    assert _run(tmp_path, tmp_path / "cache") == 10.0


def test_the_hash_depends_on_every_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = source_hash(tmp_path)
    (tmp_path / "b.py").write_text("")
    assert source_hash(tmp_path) != before


def test_old_caches_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import config

    monkeypatch.setattr(config, "CACHE_DIR", config.CACHE_DIR)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for number in range(10):
        (tmp_path / f"kernels-{number}").mkdir()
    use_cache_of(Path(__file__).parent)
    assert cache_root() == tmp_path
    assert len(list(tmp_path.glob("kernels-*"))) == KEPT - 1

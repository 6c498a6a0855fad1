"""Control algorithms of Pronk: no ROS, no simulator, no learning framework."""

from pathlib import Path

from controllers.kernel_cache import use_cache_of

# Before any kernel is defined: numba chooses the place of its cache when it meets the decorator.
use_cache_of(Path(__file__).parent)

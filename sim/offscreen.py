"""An OpenGL context without a window."""

import ctypes.util
import importlib
import os
from typing import Any

from controllers.errors import ControlError

BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}


class NoRenderer(ControlError, RuntimeError):
    """Pictures cannot be made on this machine; the message says what would help."""


def create_context(width: int, height: int) -> Any:
    """Make an offscreen context and make it current.

    The environment variable MUJOCO_GL chooses between "egl" and "osmesa"; without it, EGL is used where its library
    is installed (it works without a GPU), else OSMesa.

    Args:
        width: Of the largest picture [pixel].
        height: Of the largest picture [pixel].

    Returns:
        A context with `make_current()` and `free()`.

    Raises:
        NoRenderer: Neither works here.
    """
    wanted = os.environ.get("MUJOCO_GL", "").lower()
    installed = [name for name, library in BACKENDS.items() if ctypes.util.find_library(library)]
    if wanted in BACKENDS:
        chosen = wanted
    elif installed:
        # Only one of the two can ever be loaded in a process, so the choice is made before trying.
        chosen = installed[0]
    else:
        raise NoRenderer(
            "pictures need an offscreen OpenGL library; install one of the system packages libegl1 (with "
            "libgl1-mesa-dri) or libosmesa6, or run without video"
        )
    try:
        context = importlib.import_module(f"mujoco.{chosen}").GLContext(width, height)
        context.make_current()
    except Exception as error:
        other = "osmesa" if chosen == "egl" else "egl"
        raise NoRenderer(
            f"cannot open an offscreen OpenGL context with MUJOCO_GL={chosen} ({error}); "
            f"try MUJOCO_GL={other}, install libegl1 and libgl1-mesa-dri, or run without video"
        ) from error
    return context

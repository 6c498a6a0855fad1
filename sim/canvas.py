"""An offscreen picture that scenes of one model are drawn on."""

from typing import Any

import mujoco
import numpy as np
import numpy.typing as npt

from sim.offscreen import create_context

Image = npt.NDArray[np.uint8]


class Canvas:
    """Holds the context, what of the model lies in it, and the picture."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        """Open a context and make it current.

        Args:
            model: Its meshes and textures are copied into the context.
            width: Of the pictures [pixel].
            height: Of the pictures [pixel].

        Raises:
            NoRenderer: This machine cannot make pictures.
        """
        self._context: Any = create_context(width, height)
        self._gpu = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._gpu)
        self._viewport = mujoco.MjrRect(0, 0, width, height)

    def draw(self, scene: mujoco.MjvScene) -> Image:
        """Draw a scene.

        Args:
            scene: What it shows.

        Returns:
            Pixels, shape (height, width, 3); the lowest row comes first, as in OpenGL.
        """
        self._context.make_current()
        mujoco.mjr_render(self._viewport, scene, self._gpu)
        pixels = np.empty((self._viewport.height, self._viewport.width, 3), dtype=np.uint8)
        mujoco.mjr_readPixels(pixels, None, self._viewport, self._gpu)
        return pixels

    def close(self) -> None:
        """Free the context; calling it twice is harmless."""
        if self._context is not None:
            self._context.make_current()
            self._gpu.free()
            self._context.free()
            self._context = None

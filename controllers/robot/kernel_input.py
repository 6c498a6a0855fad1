"""Arrays as the compiled kernels expect them."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def kernel_input(array: npt.ArrayLike) -> Array:
    """Give an array the one memory layout for which the kernels are compiled.

    Numba compiles a kernel anew for read-only or strided arrays and for other number types, which would stall a
    control loop for a second in mid-motion.

    Args:
        array: Numbers of any shape.

    Returns:
        The array itself where it is writable, contiguous and of 64-bit floats, else a copy that is.
    """
    if isinstance(array, np.ndarray):
        flags = array.flags
        if flags.writeable and flags.c_contiguous and array.dtype == np.float64:
            return array
    return np.array(array, dtype=np.float64, order="C")

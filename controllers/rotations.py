"""Rotations as compiled kernels: quaternions (w, x, y, z), matrices, roll-pitch-yaw angles, rotation vectors.

A rotation "of B in A" maps vectors of frame B to frame A: `v_A = R v_B`.
Roll-pitch-yaw means R = Rz(yaw) Ry(pitch) Rx(roll), as in REP-103.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def skew(vector: Array) -> Array:
    """Build the matrix of the cross product.

    Args:
        vector: v, shape (3,).

    Returns:
        S with S w = v x w, shape (3, 3).
    """
    out = np.zeros((3, 3))
    out[0, 1] = -vector[2]
    out[0, 2] = vector[1]
    out[1, 0] = vector[2]
    out[1, 2] = -vector[0]
    out[2, 0] = -vector[1]
    out[2, 1] = vector[0]
    return out


@njit(cache=True)
def yaw_matrix(yaw: float) -> Array:
    """Build the rotation about z.

    Args:
        yaw: Angle [rad].

    Returns:
        Rotation matrix, shape (3, 3).
    """
    c = math.cos(yaw)
    s = math.sin(yaw)
    out = np.zeros((3, 3))
    out[0, 0] = c
    out[0, 1] = -s
    out[1, 0] = s
    out[1, 1] = c
    out[2, 2] = 1.0
    return out


@njit(cache=True)
def quaternion_normalised(quaternion: Array) -> Array:
    """Scale a quaternion to unit norm.

    Args:
        quaternion: (w, x, y, z), not zero, shape (4,).

    Returns:
        Unit quaternion, shape (4,).
    """
    w, x, y, z = quaternion[0], quaternion[1], quaternion[2], quaternion[3]
    scale = 1.0 / math.sqrt(w * w + x * x + y * y + z * z)
    out = np.empty(4)
    for i in range(4):
        out[i] = quaternion[i] * scale
    return out


@njit(cache=True)
def quaternion_conjugate(quaternion: Array) -> Array:
    """Invert a unit quaternion.

    Args:
        quaternion: (w, x, y, z), shape (4,).

    Returns:
        (w, -x, -y, -z), shape (4,).
    """
    out = np.empty(4)
    out[0] = quaternion[0]
    out[1] = -quaternion[1]
    out[2] = -quaternion[2]
    out[3] = -quaternion[3]
    return out


@njit(cache=True)
def quaternion_product(left: Array, right: Array) -> Array:
    """Multiply two quaternions (Hamilton's convention).

    Args:
        left: Rotation applied last, shape (4,).
        right: Rotation applied first, shape (4,).

    Returns:
        left * right, shape (4,).
    """
    a, b, c, d = left[0], left[1], left[2], left[3]
    w, x, y, z = right[0], right[1], right[2], right[3]
    out = np.empty(4)
    out[0] = a * w - b * x - c * y - d * z
    out[1] = a * x + b * w + c * z - d * y
    out[2] = a * y - b * z + c * w + d * x
    out[3] = a * z + b * y - c * x + d * w
    return out


@njit(cache=True)
def matrix_from_quaternion(quaternion: Array) -> Array:
    """Convert a quaternion to a rotation matrix; a norm other than 1 is divided out.

    Args:
        quaternion: (w, x, y, z), not zero, shape (4,).

    Returns:
        Rotation matrix, shape (3, 3).
    """
    w, x, y, z = quaternion[0], quaternion[1], quaternion[2], quaternion[3]
    s = 2.0 / (w * w + x * x + y * y + z * z)
    out = np.empty((3, 3))
    out[0, 0] = 1.0 - s * (y * y + z * z)
    out[0, 1] = s * (x * y - w * z)
    out[0, 2] = s * (x * z + w * y)
    out[1, 0] = s * (x * y + w * z)
    out[1, 1] = 1.0 - s * (x * x + z * z)
    out[1, 2] = s * (y * z - w * x)
    out[2, 0] = s * (x * z - w * y)
    out[2, 1] = s * (y * z + w * x)
    out[2, 2] = 1.0 - s * (x * x + y * y)
    return out


@njit(cache=True)
def quaternion_from_matrix(matrix: Array) -> Array:
    """Convert a rotation matrix to the unit quaternion with w >= 0.

    Args:
        matrix: Rotation matrix, shape (3, 3).

    Returns:
        (w, x, y, z), shape (4,).
    """
    m = matrix
    out = np.empty(4)
    # Divide by the largest component, so that no division loses digits.
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace >= m[0, 0] and trace >= m[1, 1] and trace >= m[2, 2]:
        out[0] = 1.0 + trace
        out[1] = m[2, 1] - m[1, 2]
        out[2] = m[0, 2] - m[2, 0]
        out[3] = m[1, 0] - m[0, 1]
    elif m[0, 0] >= m[1, 1] and m[0, 0] >= m[2, 2]:
        out[0] = m[2, 1] - m[1, 2]
        out[1] = 1.0 + m[0, 0] - m[1, 1] - m[2, 2]
        out[2] = m[0, 1] + m[1, 0]
        out[3] = m[0, 2] + m[2, 0]
    elif m[1, 1] >= m[2, 2]:
        out[0] = m[0, 2] - m[2, 0]
        out[1] = m[0, 1] + m[1, 0]
        out[2] = 1.0 - m[0, 0] + m[1, 1] - m[2, 2]
        out[3] = m[1, 2] + m[2, 1]
    else:
        out[0] = m[1, 0] - m[0, 1]
        out[1] = m[0, 2] + m[2, 0]
        out[2] = m[1, 2] + m[2, 1]
        out[3] = 1.0 - m[0, 0] - m[1, 1] + m[2, 2]
    scale = 1.0 / math.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2 + out[3] ** 2)
    if out[0] < 0.0:
        scale = -scale
    for i in range(4):
        out[i] *= scale
    return out


@njit(cache=True)
def matrix_from_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """Build Rz(yaw) Ry(pitch) Rx(roll).

    Args:
        roll: Rotation about x, applied first [rad].
        pitch: Rotation about y [rad].
        yaw: Rotation about z, applied last [rad].

    Returns:
        Rotation matrix, shape (3, 3).
    """
    cr, sr = math.cos(roll), math.sin(roll)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    out = np.empty((3, 3))
    out[0, 0] = cy * cp
    out[0, 1] = cy * sp * sr - sy * cr
    out[0, 2] = cy * sp * cr + sy * sr
    out[1, 0] = sy * cp
    out[1, 1] = sy * sp * sr + cy * cr
    out[1, 2] = sy * sp * cr - cy * sr
    out[2, 0] = -sp
    out[2, 1] = cp * sr
    out[2, 2] = cp * cr
    return out


@njit(cache=True)
def rpy_from_matrix(matrix: Array) -> Array:
    """Read roll, pitch and yaw off a rotation matrix.

    At pitch = ±pi/2, where only a combination of roll and yaw is defined, the result still rebuilds the matrix
    but how it is split between the two is arbitrary.

    Args:
        matrix: Rotation matrix, shape (3, 3).

    Returns:
        (roll, pitch, yaw) with pitch in [-pi/2, pi/2], shape (3,) [rad].
    """
    out = np.empty(3)
    cos_pitch = math.sqrt(matrix[2, 1] ** 2 + matrix[2, 2] ** 2)
    out[1] = math.atan2(-matrix[2, 0], cos_pitch)
    if cos_pitch > 1e-9:
        out[0] = math.atan2(matrix[2, 1], matrix[2, 2])
        out[2] = math.atan2(matrix[1, 0], matrix[0, 0])
    else:
        out[0] = 0.0
        out[2] = math.atan2(-matrix[0, 1], matrix[1, 1])
    return out


@njit(cache=True)
def rpy_from_quaternion(quaternion: Array) -> Array:
    """Convert a quaternion to roll, pitch and yaw.

    Args:
        quaternion: (w, x, y, z), not zero, shape (4,).

    Returns:
        (roll, pitch, yaw), shape (3,) [rad].
    """
    return rpy_from_matrix(matrix_from_quaternion(quaternion))


@njit(cache=True)
def quaternion_from_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """Build the quaternion of Rz(yaw) Ry(pitch) Rx(roll).

    Args:
        roll: Rotation about x, applied first [rad].
        pitch: Rotation about y [rad].
        yaw: Rotation about z, applied last [rad].

    Returns:
        Unit quaternion (w, x, y, z), shape (4,).
    """
    cr, sr = math.cos(0.5 * roll), math.sin(0.5 * roll)
    cp, sp = math.cos(0.5 * pitch), math.sin(0.5 * pitch)
    cy, sy = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
    out = np.empty(4)
    out[0] = cr * cp * cy + sr * sp * sy
    out[1] = sr * cp * cy - cr * sp * sy
    out[2] = cr * sp * cy + sr * cp * sy
    out[3] = cr * cp * sy - sr * sp * cy
    return out


@njit(cache=True)
def quaternion_from_rotation_vector(vector: Array) -> Array:
    """Map an axis times an angle to a quaternion (exponential map).

    Args:
        vector: Rotation vector, shape (3,) [rad].

    Returns:
        Unit quaternion (w, x, y, z), shape (4,).
    """
    angle = math.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    # sin(a/2)/a by its series near zero, where the quotient is 0/0.
    scale = math.sin(0.5 * angle) / angle if angle > 1e-4 else 0.5 - angle * angle / 48.0
    out = np.empty(4)
    out[0] = math.cos(0.5 * angle)
    out[1] = scale * vector[0]
    out[2] = scale * vector[1]
    out[3] = scale * vector[2]
    return out


@njit(cache=True)
def rotation_vector_from_quaternion(quaternion: Array) -> Array:
    """Map a quaternion to axis times angle (logarithm), the shorter way round.

    Args:
        quaternion: (w, x, y, z), not zero, shape (4,).

    Returns:
        Rotation vector of length at most pi, shape (3,) [rad].
    """
    w, x, y, z = quaternion[0], quaternion[1], quaternion[2], quaternion[3]
    if w < 0.0:
        w, x, y, z = -w, -x, -y, -z
    sine = math.sqrt(x * x + y * y + z * z)
    # atan2 keeps full precision at both ends, where acos(w) and asin(sine) lose it.
    scale = 2.0 * math.atan2(sine, w) / sine if sine > 1e-12 * w else 2.0 / w
    out = np.empty(3)
    out[0] = scale * x
    out[1] = scale * y
    out[2] = scale * z
    return out


@njit(cache=True)
def rotation_vector_from_matrix(matrix: Array) -> Array:
    """Map a rotation matrix to axis times angle (logarithm of SO(3)).

    Args:
        matrix: Rotation matrix, shape (3, 3).

    Returns:
        Rotation vector of length at most pi, shape (3,) [rad].
    """
    return rotation_vector_from_quaternion(quaternion_from_matrix(matrix))

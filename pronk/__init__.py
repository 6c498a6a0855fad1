"""The command `pronk`.

Importing this package before numpy keeps the linear algebra libraries at one thread: the matrices are small, and a pool
of threads costs more than it saves.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

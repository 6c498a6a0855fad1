"""Everything that Pronk's nodes need of ROS: parameters, topics, conversions, diagnostics, spinning.

Importing this package before numpy keeps the linear algebra libraries at one thread: the matrices of a control loop are
small, and a pool of threads costs more latency than it saves.
"""

import os
import sys
from types import TracebackType

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

for _name in THREAD_VARIABLES:
    os.environ.setdefault(_name, "1")


_show = sys.excepthook


def _stay_silent_on_interrupts(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # A launch that ends while a node is still being imported interrupts it: no fault, and no lines that hide the cause.
    if not issubclass(kind, KeyboardInterrupt):
        _show(kind, error, trace)


sys.excepthook = _stay_silent_on_interrupts

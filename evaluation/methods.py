"""The methods that compete in the suites of adaptation."""

from controllers.residual.catalog import LEARNERS
from evaluation.comparison import OURS as CANDIDATES
from evaluation.privileged import PRIVILEGED

# The method that the project stands for: the first of its candidates that exists.
OURS = next(name for name in CANDIDATES if name in LEARNERS)
TUNED_RIVALS = ("integrator", "l1_tuned", "rff_tuned", "random_features", "bias", "kalman", "rls_inertia")
PUBLISHED = ("rff_published", "l1_published", "none")
RIVALS = tuple(name for name in (*PUBLISHED, *TUNED_RIVALS) if name != OURS)
# Those that are told the truth come last: they are bounds, not rivals.
METHODS = (OURS, *RIVALS, *PRIVILEGED)

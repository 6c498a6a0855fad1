"""What the suites of adaptation must show."""

from collections.abc import Iterable

from evaluation.claims import Claim, Target
from evaluation.methods import OURS, PUBLISHED
from evaluation.regret import COMPARATORS
from evaluation.relative_claims import OrderClaim, RegretClaim, RelativeClaim

HEIGHT = "height_rmse_m"
FORWARD = "vx_rmse_mps"
BIAS = ("bias",)


def better_than_all(cases: Iterable[str]) -> tuple[Target, ...]:
    """Claim a height error 30 % below that of the best rival.

    Args:
        cases: Cases.

    Returns:
        One claim per case.
    """
    return tuple(RelativeClaim(f"{case}: height against the best rival", case, OURS, HEIGHT) for case in cases)


def better_than_bias(cases: Iterable[str], metric: str = FORWARD) -> tuple[Target, ...]:
    """Claim that features earn their place: a velocity or height error 30 % below that of the bias observer.

    Args:
        cases: Cases whose load depends on state or phase.
        metric: Velocity error that the load shows in.

    Returns:
        One claim per case.
    """
    return tuple(
        RelativeClaim(f"{case}: velocity or height against bias", case, OURS, metric, -0.30, BIAS, alternative=HEIGHT)
        for case in cases
    )


def no_worse_than_nominal(case: str) -> tuple[Target, ...]:
    """Claim that learning costs nothing where there is nothing to learn.

    Args:
        case: An undisturbed case.

    Returns:
        The claims.
    """
    return tuple(
        RelativeClaim(f"{case}: {name} against nominal", case, OURS, metric, 0.05, ("none",), decisive=False)
        for name, metric in (("height", HEIGHT), ("vx", FORWARD))
    )


def published_order(cases: Iterable[str]) -> tuple[Target, ...]:
    """Claim the order of the published article: random features, L1, nominal.

    Args:
        cases: Cases.

    Returns:
        One claim per case.
    """
    return tuple(OrderClaim(f"{case}: published order", case, PUBLISHED, HEIGHT) for case in cases)


def survives(shares: dict[str, float]) -> tuple[Target, ...]:
    """Claim shares of trials survived.

    Args:
        shares: Least share by case.

    Returns:
        One claim per case.
    """
    return tuple(
        Claim(f"{case}: survived", case, OURS, "survived", share, at_least=True, unit="%", scale=100.0)
        for case, share in shares.items()
    )


def finds_the_wrench(cases: Iterable[str]) -> tuple[Target, ...]:
    """Claim a fast and exact estimate of a load that comes in one step.

    Args:
        cases: Cases.

    Returns:
        Two claims per case.
    """
    found: list[Target] = []
    for case in cases:
        found.append(Claim(f"{case}: 63 % of the force found", case, OURS, "wrench_rise_s", 0.3, unit="s"))
        found.append(
            Claim(f"{case}: steady error of the force", case, OURS, "wrench_steady_error", 0.05, unit="%", scale=100.0)
        )
    return tuple(found)


def in_time(cases: Iterable[str]) -> tuple[Target, ...]:
    """Claim that whole ticks with a plan are fast and none is late; means something on an idle machine only.

    Args:
        cases: Cases.

    Returns:
        Two claims per case.
    """
    found: list[Target] = []
    for case in cases:
        found.append(Claim(f"{case}: MPC tick, p99", case, OURS, "mpc_tick_p99_s", 1e-3, unit="ms", scale=1e3))
        found.append(Claim(f"{case}: MPC ticks over 10 ms", case, OURS, "mpc_deadline_misses", 0.0, "sum"))
    return tuple(found)


def little_regret(cases: Iterable[str]) -> tuple[Target, ...]:
    """Claim that empirical dynamic regret per step falls over the run, and that none is left at its end.

    A bound on regret holds as well where a method costs less than its comparator from the beginning. Regret is then
    negative, and need not fall.

    Args:
        cases: Cases.

    Returns:
        Two claims per case.
    """
    found: list[Target] = []
    for case in cases:
        found.append(RegretClaim(f"{case}: regret per step falls", case, OURS))
        found.append(
            Claim(
                f"{case}: regret per step over the run", case, OURS, "regret_per_step_late", 0.0, beside=COMPARATORS[0]
            )
        )
    return tuple(found)

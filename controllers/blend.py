"""A smooth way from 0 to 1."""


def quintic_blend(share: float) -> tuple[float, float]:
    """Evaluate the quintic that starts and ends at rest, without acceleration.

    Args:
        share: Share of the time that has passed; what lies outside of [0, 1] counts as the nearer end.

    Returns:
        Share of the way, and its rate per share of the time.
    """
    s = min(max(share, 0.0), 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s * s), 30.0 * s * s * (1.0 - s) ** 2

"""Choice of a ROS domain that nobody else on this machine uses."""

import random
import socket
from contextlib import ExitStack

from pronk_bringup.errors import LaunchError

# Domains above 101 reach into the range of short-lived ports on Linux.
_LARGEST = 101


def free_domain() -> int:
    """Find a domain whose discovery ports are free.

    Returns:
        A domain id, chosen at random so that two launches at once rarely meet.

    Raises:
        LaunchError: Every domain is in use.
    """
    candidates = list(range(1, _LARGEST + 1))
    random.SystemRandom().shuffle(candidates)
    for domain in candidates:
        # By the rules of DDS, +0 is multicast discovery, +10 and +11 belong to the first participant.
        base = 7400 + 250 * domain
        with ExitStack() as stack:
            try:
                for port in (base, base + 10, base + 11):
                    stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("", port))
            except OSError:
                continue
            return domain
    raise LaunchError("no free ROS domain between 1 and 101")

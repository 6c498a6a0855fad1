"""The pace of a simulated world beside a steady clock, which it does not read itself."""

# More periods than this are not made up for after a stall.
LONGEST_STALL = 25


class Pace:
    """Tells how many control periods are due, and has the world stand still for a late command.

    A computer that is too slow or too busy gets a slower world instead of a worse robot: time that passes while the
    world waits is not made up for, and the real-time factor tells of it. The patience must be less than any watchdog
    allows: a dead controller must look dead.

    Attributes:
        ticks: Periods that have passed.
        last_step: When the last one did [s].
    """

    def __init__(self, period: float, factor: float = 1.0, limit: float = 0.0, patience: float = 0.1) -> None:
        """Begin at time zero.

        Args:
            period: Of control [s].
            factor: Speed of the world, as a multiple of real time.
            limit: Age of the newest command from which the world waits [s]; 0 never waits.
            patience: Longest wait for one command [s].
        """
        self._period, self._factor = period, factor
        self._limit, self._patience = limit, patience
        self._patient = True
        self.ticks = 0
        self.begin(0.0)

    def begin(self, now: float) -> None:
        """Have time run from now on.

        Args:
            now: Time on the steady clock [s].
        """
        self._begin = self._start = self.last_step = now

    def due(self, now: float) -> int:
        """Count the periods that should have passed; after a long stall the world goes on from now.

        Args:
            now: Time on the steady clock [s].

        Returns:
            Their number; at most `LONGEST_STALL`.
        """
        count = int((now - self._start) * self._factor / self._period) - self.ticks
        if count > LONGEST_STALL:
            self._rebase(now, self.ticks + 1)
            count = 1
        return count

    def waits(self, now: float, age: float) -> bool:
        """Tell whether the world stands still for a late command.

        Args:
            now: Time on the steady clock [s].
            age: Of the newest command, in the world's time [s].

        Returns:
            Whether it does; never for longer than the patience before another command is heard.
        """
        if not self._limit or not self._patient or age <= self._limit:
            return False
        self._patient = now - self.last_step < self._patience
        self._rebase(now, self.ticks)
        return self._patient

    def hear(self) -> None:
        """Note a new command: the next one may be waited for again."""
        self._patient = True

    def pause(self, now: float) -> None:
        """Let time pass that was asked for and is no slowness.

        Args:
            now: Time on the steady clock [s].
        """
        start = self._start
        self._rebase(now, self.ticks)
        self._begin += self._start - start

    def step(self, now: float) -> None:
        """Note that a period has passed.

        Args:
            now: Time on the steady clock [s].
        """
        self.ticks += 1
        self.last_step = now

    def real_time_factor(self, now: float) -> float:
        """Compare the world's time with real time since the begin, pauses left out.

        Args:
            now: Time on the steady clock [s].

        Returns:
            The factor; 0 before anything has passed.
        """
        return self.ticks * self._period / max(now - self._begin, 1e-9) if self.ticks else 0.0

    def _rebase(self, now: float, ticks: int) -> None:
        self._start = now - ticks * self._period / self._factor

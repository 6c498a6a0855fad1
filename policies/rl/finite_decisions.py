"""Decisions in a finite problem, such as the ledge: where it is known what a learner should find."""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.finite_problem import FiniteProblem
from policies.rl.decisions import Outcome, Recorder, Rollout, Seen

Array = npt.NDArray[np.float64]

DEMONSTRATION_TRIES = 1000
PICTURE = 64


class FiniteDecisions:
    """One problem of S states and two actions; the learner sees which state it is in, and a number above 0 is action 1.

    The chance of an episode comes from its seed, so that two learners that decide alike see the same.
    """

    def __init__(self, problem: FiniteProblem, progress: Array, start: int, discount: float, limit: int) -> None:
        """Take a problem.

        Args:
            problem: One, with two actions; a transition without continuation ends an episode.
            progress: What a model of progress says of each state, shape (S,).
            start: State in which episodes begin.
            discount: γ per step, as in the problem.
            limit: Decisions after which an episode is cut.

        Raises:
            InvalidValue: The problem is none of this kind, or the limit is below 1.
        """
        count, states, actions, _ = problem.chance.shape
        if count != 1 or actions != 2 or progress.shape != (states,) or not 0 <= start < states or limit < 1:
            raise InvalidValue(
                "one problem with two actions, progress of each state, a start among them and a limit of at least 1 "
                f"are needed, got {count} problems, {actions} actions, progress {progress.shape}, start {start} and "
                f"limit {limit}"
            )
        self._problem, self._progress, self._start, self._limit = problem, progress, start, limit
        self.width, self.actions, self.lasting, self.discount = states, 1, 1, discount
        self._state, self._left = start, 0
        self._rng = np.random.default_rng(0)

    def evaluating(self, on: bool) -> None:
        """Values cost nothing here.

        Args:
            on: Not used.
        """

    def reset(self, seed: int) -> Seen:
        """Begin an episode.

        Args:
            seed: Of its chance.

        Returns:
            Its first state.
        """
        self._state, self._left, self._rng = self._start, self._limit, np.random.default_rng(seed)
        return self._seen()

    def step(self, action: Array) -> Outcome:
        """Decide.

        Args:
            action: Shape (1,).

        Returns:
            What it led to.
        """
        before, chosen = self._state, int(action[0] > 0.0)
        self._state = int(self._rng.choice(self.width, p=self._problem.chance[0, before, chosen]))
        place = (0, before, chosen, self._state)
        reward, over = float(self._problem.reward[place]), bool(self._problem.continuation[place] == 0.0)
        self._left -= 1
        return Outcome(self._seen(), reward, 1, over, self._left == 0 and not over, over and reward > 0.0)

    def demonstrate(self, seed: int) -> Rollout:
        """Record a successful episode of the optimal policy.

        Args:
            seed: Of the first episode tried.

        Returns:
            It.

        Raises:
            InvalidValue: None succeeds.
        """
        best = self._problem.solve()[0].argmax(axis=1)
        for tried in range(seed, seed + DEMONSTRATION_TRIES):
            recorder, over, success = Recorder(self.reset(tried)), False, False
            while not over:
                action = np.array([0.8 if best[self._state] else -0.8])
                outcome = self.step(action)
                recorder.add(action, outcome)
                over, success = outcome.terminated or outcome.truncated, outcome.success
            if success:
                return recorder.finish()
        raise InvalidValue(f"the optimal policy does not succeed in {DEMONSTRATION_TRIES} episodes")

    def picture(self) -> npt.NDArray[np.uint8]:
        """Draw the progress of the state as a bar.

        Returns:
            Pixels, shape (64, 64, 3).
        """
        drawn = np.full((PICTURE, PICTURE, 3), 240, dtype=np.uint8)
        drawn[round((1.0 - self._progress[self._state]) * (PICTURE - 1)) :, 16:48] = (214, 40, 40)
        return drawn

    def close(self) -> None:
        """Nothing is to be freed."""

    def _seen(self) -> Seen:
        return Seen(np.eye(self.width)[self._state], float(self._progress[self._state]))

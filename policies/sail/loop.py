"""Collect rollouts of a new task, filter them, learn from them, and again.

Everything is on disk as soon as it is known, each file whole or not there, in a folder per iteration:

    given.json                    what the filter thinks of the episodes that were given
    iteration_0/rollouts/*        the episodes that this iteration's planners collected
    iteration_0/verdicts.json     what the filter thinks of each
    iteration_0/kept/*            those that are learned from up to where the filter saw a success
    iteration_0/evaluation.json   success on the evaluation goals, and on tasks that were demonstrated
    iteration_0/models/*          the training's state and, at its end, the next planner's models
    iteration_0/report.json       written last: the iteration is over
    iteration_0/rollout.mp4       imagined and real, side by side

A loop that was stopped looks what is there and does the rest. A rollout depends on its seed and the models alone, so
that none is lost, none is run twice, and the result is the same.

A training on a few successes can take away more than it gives. So it hands over two planners, a bold one of all that is
new and a cautious one that changes less; each collects half of the next rollouts, and the one whose rollouts the filter
keeps more often is gone on from. That costs no rollout, and no goal of an evaluation is asked.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue
from policies.sail.filters import Filter, Verdict, precision_and_recall
from policies.sail.iteration_report import IterationReport
from policies.sail.loop_folder import GIVEN, ITERATION, MODELS, REPORT, ROLLOUTS, SETTINGS, VERDICTS, VIDEO, kept_of
from policies.sail.records import read_json, write_json
from policies.sail.rollouts import CAUTIOUS, Batch, Known, Result, Spread, Studio, one_after_the_other, play
from policies.sail.side_by_side import write_side_by_side
from sim.episodes import file_name, find_episodes, read_episode

VERDICT = tuple(field.name for field in fields(Verdict))
# By which of the candidates was evaluated: the bold one, which may be the only one, and the cautious one.
EVALUATIONS = ("evaluation.json", "evaluation_cautious.json")
# Who plans: the candidates, the first one, and one that was there before.
NAMES, FIRST, STAYS = ("bold", "cautious"), "first", "same"
# Rollouts that explore without knowing of one another.
ROUND = 10
# Seeds of evaluation goals are the same for all loops, so that methods and training seeds are compared on the same
# goals; those of rollouts differ from loop to loop and never meet them.
EVALUATED, ROLLED_OUT, BLOCK = 900_000, 1_000_000, 10_000


@dataclass(frozen=True)
class SailConfig:
    """Settings of a loop.

    Attributes:
        task: The new task.
        iterations: Trainings; the planner after the last is evaluated, too.
        rollouts: That are collected in each.
        explored: How many of those explore, as long as too few were kept to learn from and planners find no more.
        enough: Kept rollouts from which on none explores.
        cautious: Whether a training's cautious models are tried beside the bold ones.
        goes_on: Whether collected rollouts go on to the horizon after a success, as where nobody tells that it is one.
        goals: On which every planner is evaluated.
        seed: Of rollouts and trainings.
        frames: Frames of a plan that are acted out before the next.
        batch: Rollouts that are run together.
        seen_tasks: Tasks that the first models were trained on, to see what is forgotten.
        seen_goals: Goals of each of them, in the first and the last iteration; 0 leaves them out.
    """

    task: str
    iterations: int = 4
    rollouts: int = 30
    goals: int = 50
    seed: int = 0
    frames: int = 2
    batch: int = 10
    seen_tasks: tuple[str, ...] = ()
    seen_goals: int = 0
    explored: int = 0
    enough: int = 10
    cautious: bool = True
    goes_on: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no loop.

        Raises:
            InvalidValue: A number is out of range.
        """
        leasts = {"iterations": 0, "rollouts": 1, "goals": 1, "seed": 0, "frames": 1, "batch": 1, "seen_goals": 0}
        leasts |= {"enough": 0}
        for name, least in leasts.items():
            if getattr(self, name) < least:
                raise InvalidValue(f"SailConfig.{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.explored <= self.rollouts:
            raise InvalidValue(f"SailConfig.explored must lie in [0, rollouts = {self.rollouts}], got {self.explored}")
        if self.iterations * self.rollouts > BLOCK:
            raise InvalidValue(f"at most {BLOCK} rollouts have seeds, got {self.iterations} times {self.rollouts}")


Tell = Callable[[str], None]


class SailLoop:
    """A loop in a folder."""

    def __init__(
        self,
        studio: Studio,
        keep: Filter,
        config: SailConfig,
        folder: Path,
        name: str = "",
        spread: Spread = one_after_the_other,
        tell: Tell | None = None,
        given: Sequence[Path] = (),
    ) -> None:
        """Begin, or go on where the folder's loop was.

        Args:
            studio: Worlds, planners and their training.
            keep: Decides which rollouts the video model learns from.
            config: Settings.
            folder: For everything.
            name: What else makes this loop another one, such as filter and first models.
            spread: Runs batches of rollouts.
            tell: Hears what is going on.
            given: Episodes of the task that were there before, such as play; those that the filter keeps are learned
                from like rollouts. They are no rollouts of the loop, and must be told wherever its cost is.

        Raises:
            InvalidValue: The folder holds another loop.
        """
        self.config, self.folder = config, folder
        self._studio, self._filter, self._spread = studio, keep, spread
        self._tell: Tell = tell or (lambda text: None)
        self._given = tuple(given)
        # How many rollouts run together, and the number of iterations, may change on the way.
        fixed = {k: v for k, v in asdict(config).items() if k not in ("batch", "iterations")}
        wanted = json.loads(json.dumps({**fixed, "name": name, "given": len(self._given)}))
        found = read_json(folder / SETTINGS)
        if found is None:
            write_json(folder / SETTINGS, wanted)
        elif found != wanted:
            other = sorted(k for k in {*wanted, *found} if found.get(k) != wanted.get(k))
            raise InvalidValue(f"'{folder}' holds another loop ({', '.join(other)}); choose another folder")

    def run(self) -> Iterator[IterationReport]:
        """Run all iterations, or what is left of them.

        Yields:
            The report of each, those that were finished before first.

        Raises:
            InvalidValue: A training does not converge, or a file is damaged; all that was finished stays.
            OSError: Something cannot be written; all that was finished stays.
        """
        reports: list[IterationReport] = []
        for iteration in range(self.config.iterations + 1):
            path = self.place(iteration) / REPORT
            last = iteration == self.config.iterations
            values = read_json(path)
            report = None if values is None else IterationReport.from_dict(values, str(path))
            # A loop that is told to go on for longer finishes what was its last iteration.
            if report is None or (report.collected == 0 and not last):
                report = self._iterate(iteration, last, reports)
                write_json(path, report.to_dict())
            reports.append(report)
            yield report

    def place(self, iteration: int) -> Path:
        """Name the folder of an iteration.

        Args:
            iteration: Its number.

        Returns:
            The folder.
        """
        return self.folder / f"{ITERATION}{iteration}"

    def candidates(self, iteration: int) -> tuple[Path | None, ...]:
        """Name the folders of models that an iteration may plan with.

        Args:
            iteration: Its number.

        Returns:
            The bold ones, and the cautious ones where there are such; None for the models that the loop begins with.
        """
        if iteration == 0:
            return (None,)
        bold = self.place(iteration - 1) / MODELS
        cautious = bold / CAUTIOUS
        return (bold, cautious) if self.config.cautious and cautious.is_dir() else (bold,)

    def models(self, iteration: int) -> Path | None:
        """Name the folder of the models that an iteration's planner is made of.

        Args:
            iteration: Its number.

        Returns:
            The folder; None for the models that the loop begins with.
        """
        if self._stays(iteration):
            return self.models(iteration - 1)
        return self.candidates(iteration)[self.chosen(iteration)]

    def chosen(self, iteration: int) -> int:
        """Tell which candidate's rollouts the filter kept more often.

        Args:
            iteration: Its number.

        Returns:
            Number of the candidate, the bold one of equals, and where nobody was tried.
        """
        if not (self.place(iteration) / VERDICTS).exists():
            return 0
        shares = [self._kept_share(iteration, lot) for lot in self._own_seeds(iteration)]
        return shares.index(max(shares))

    def _stays(self, iteration: int) -> bool:
        """Whether the planner of the iteration before stays.

        After the last training nobody has been tried. Where boldness did not pay the last time, nothing is changed.
        """
        untried = iteration > 0 and not (self.place(iteration) / VERDICTS).exists()
        return untried and self.chosen(iteration - 1) > 0

    def rollouts(self, iteration: int) -> list[Path]:
        """List the episodes that an iteration collected.

        Args:
            iteration: Its number.

        Returns:
            Their files.
        """
        return list(find_episodes(self.place(iteration) / ROLLOUTS))

    def _iterate(self, iteration: int, last: bool, before: Sequence[IterationReport]) -> IterationReport:
        seconds: dict[str, float] = {}
        steps = before[-1].steps if before else 0
        clock, verdicts = _Clock(seconds), {}
        if not last:
            clock.time("collect", lambda: self._collect(iteration))
            verdicts = clock.time("filter", lambda: self._sort(iteration))
        kept, true = ([entry[key] for entry in verdicts.values()] for key in ("kept", "success"))
        if not last:
            self._tell(f"iteration {iteration}: {sum(true)} of {len(true)} rollouts succeeded, {sum(kept)} are kept")
        results = clock.time("evaluate", lambda: self._evaluate(iteration, last))
        own = [result for result in results if result.task == self.config.task]
        reached = tuple(result.success for result in own)
        seen = {
            task: _share([r.success for r in results if r.task == task])
            for task in self.config.seen_tasks
            if any(r.task == task for r in results)
        }
        planner = STAYS if self._stays(iteration) else NAMES[self.chosen(iteration)] if iteration else FIRST
        self._tell(f"iteration {iteration} ({planner} planner): {100.0 * _share(reached):.0f} % of {len(own)} goals")
        if last:
            return IterationReport(
                *(iteration, _share(reached), len(own), reached, seen), steps=steps, seconds=seconds, planner=planner
            )
        precision, recall = precision_and_recall(kept, true)
        clock.time("improve", lambda: self._improve(iteration))
        return IterationReport(
            *(iteration, _share(reached), len(own), reached, seen, len(true), _share(true), sum(kept)),
            *(precision, recall, steps + sum(entry["steps"] for entry in verdicts.values()), seconds),
            explored=self._explored(iteration),
            planner=planner,
        )

    def film(self, iteration: int) -> Path:
        """Show a rollout of an iteration, imagined beside real: a success where there is one.

        Args:
            iteration: Its number.

        Returns:
            The video, made where it is missing.
        """
        path, config = self.place(iteration) / VIDEO, self.config
        if not path.exists():
            results = read_json(self._evaluation(iteration)) or []
            own = sorted((not r["success"], r["seed"]) for r in results if r["task"] == config.task)
            batch = Batch(
                *(self._studio, self.models(iteration), config.task, (own[0][1],), config.frames),
                self.place(iteration) / ROLLOUTS,
            )
            write_side_by_side(path, play(batch)[0])
        return path

    def _evaluate(self, iteration: int, last: bool) -> list[Result]:
        """Run the planner on all evaluation goals that it was not yet run on."""
        config, path = self.config, self._evaluation(iteration)
        done = {(r["task"], r["seed"]): Result(**r) for r in read_json(path) or []}
        wanted = [(config.task, EVALUATED + i) for i in range(config.goals)]
        if iteration == 0 or last:
            wanted += [(task, EVALUATED + i) for task in config.seen_tasks for i in range(config.seen_goals)]

        def keep(results: list[Result]) -> None:
            done.update({(result.task, result.seed): result for result in results})
            write_json(path, [asdict(done[key]) for key in sorted(done)])

        missing = [key for key in wanted if key not in done]
        self._spread(self._batches(self.models(iteration), missing, None), keep)
        return [done[key] for key in wanted]

    def _evaluation(self, iteration: int) -> Path:
        if self._stays(iteration):
            return self._evaluation(iteration - 1)
        return self.place(iteration) / EVALUATIONS[self.chosen(iteration)]

    def _collect(self, iteration: int) -> None:
        explored = self._seeds(iteration)[: self._explored(iteration)]
        for i in range(0, len(explored), ROUND):
            # What a round finds is tried again in the next.
            tried, examples = self._gather(iteration)
            if i:
                earlier, verdicts = {file_name(seed) for seed in explored[:i]}, self._sort(iteration)
                examples += [file for file in kept_of(self.place(iteration), verdicts) if file.name in earlier]
                tried += [file for file in self.rollouts(iteration) if file.name in earlier]
            known = Known(tuple(examples), (*self._given, *tried))
            self._collect_missing(iteration, None, explored[i : i + ROUND], known)
        for models, seeds in zip(self.candidates(iteration), self._own_seeds(iteration), strict=True):
            self._collect_missing(iteration, models, seeds)

    def _collect_missing(self, iteration: int, models: Path | None, seeds: range, known: Known | None = None) -> None:
        folder = self.place(iteration) / ROLLOUTS
        there = {info.seed for info in find_episodes(folder).values()}
        missing = [(self.config.task, seed) for seed in seeds if seed not in there]
        self._spread(self._batches(models, missing, folder, known), lambda results: None)

    def _seeds(self, iteration: int) -> range:
        """Of an iteration's rollouts, those that explore first."""
        first = ROLLED_OUT + self.config.seed * BLOCK + iteration * self.config.rollouts
        return range(first, first + self.config.rollouts)

    def _own_seeds(self, iteration: int) -> list[range]:
        """Of the rollouts that do not explore, those of each candidate."""
        own, many = self._seeds(iteration)[self._explored(iteration) :], len(self.candidates(iteration))
        return [own[i * len(own) // many : (i + 1) * len(own) // many] for i in range(many)]

    def _explored(self, iteration: int) -> int:
        """How many of an iteration's rollouts explore: none once enough was kept, or planners find more."""
        if self.config.explored == 0 or len(self._gather(iteration)[1]) - len(self._gather(0)[1]) >= self.config.enough:
            return 0
        if iteration == 0:
            return self.config.explored
        many, seeds = self._explored(iteration - 1), self._seeds(iteration - 1)
        found, planned = (self._kept_share(iteration - 1, lot) for lot in (seeds[:many], seeds[many:]))
        return self.config.explored if found >= planned else 0

    def _kept_share(self, iteration: int, seeds: Sequence[int]) -> float:
        """How many of an iteration's rollouts with these seeds the filter kept."""
        verdicts = read_json(self.place(iteration) / VERDICTS)
        return _share([verdicts[file_name(seed)]["kept"] for seed in seeds])

    def _gather(self, iteration: int) -> tuple[list[Path], list[Path]]:
        """List all rollouts of the iterations before one, and what was kept: of them, and of what was given."""
        everything: list[Path] = []
        kept = [path for path, good in zip(self._given, self._judge_given(), strict=True) if good]
        for earlier in range(iteration):
            everything += self.rollouts(earlier)
            kept += kept_of(self.place(earlier), read_json(self.place(earlier) / VERDICTS) or {})
        return everything, kept

    def _batches(
        self,
        models: Path | None,
        wanted: Sequence[tuple[str, int]],
        folder: Path | None,
        known: Known | None = None,
    ) -> list[Batch]:
        """Lay out rollouts; with what explorers know, even where it is nothing, they explore."""
        config, found = self.config, []
        for task in dict.fromkeys(task for task, _ in wanted):
            seeds = [seed for name, seed in wanted if name == task]
            for i in range(0, len(seeds), config.batch):
                part = tuple(seeds[i : i + config.batch])
                lot = (self._studio, models, task, part, config.frames, folder)
                goes_on = config.goes_on and folder is not None
                found.append(Batch(*lot, known, goes_on))
        return found

    def _sort(self, iteration: int) -> dict[str, dict[str, Any]]:
        """Ask the filter for what it was not yet asked."""
        path = self.place(iteration) / VERDICTS
        found: dict[str, dict[str, Any]] = read_json(path) or {}
        for file in self.rollouts(iteration):
            if file.name not in found:
                episode = read_episode(file)
                truth = {"success": episode.info.successful, "steps": episode.info.steps}
                found[file.name] = {**asdict(self._filter.judge(episode)), **truth}
        names = sorted(found)
        together = self._filter.compare([Verdict(*(found[n][key] for key in VERDICT)) for n in names])
        found = {n: {**found[n], **asdict(verdict)} for n, verdict in zip(names, together, strict=True)}
        write_json(path, found)
        return found

    def _judge_given(self) -> list[bool]:
        """Ask the filter for what was given, once."""
        path = self.folder / GIVEN
        found: list[bool] | None = read_json(path)
        if found is None:
            found = [self._filter.judge(read_episode(file)).kept for file in self._given]
            write_json(path, found)
        return found

    def _improve(self, iteration: int) -> None:
        everything, kept = self._gather(iteration + 1)
        seed = self.config.seed * BLOCK + iteration
        folder = self.place(iteration) / MODELS
        for text in self._studio.improve(self.models(iteration), kept, everything, folder, seed):
            self._tell(f"iteration {iteration}: {text}")


class _Clock:
    """Times phases."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def time(self, name: str, call: Callable[[], Any]) -> Any:
        begin = time.monotonic()
        answer = call()
        self._seconds[name] = time.monotonic() - begin
        return answer


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0

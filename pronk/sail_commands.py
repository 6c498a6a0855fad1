"""The commands `pronk train sail`, `eval sail` and `report sail`; import what they need only when they run."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pronk.terminal import open_console, split_names

if TYPE_CHECKING:
    from policies.sail.cloning_studio import CloningStudio, CloningStudioConfig
    from policies.sail.iteration_report import IterationReport
    from policies.sail.loop import SailLoop
    from policies.sail.video_studio import StudioConfig, VideoStudio

CURVE, PLANNER, RUNS = "curve.json", "planner", "runs"
PRIOR, RUMMAGE = "prior", "rummage"


def add_sail(commands: Any) -> None:
    """Add the commands to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    training = commands.add_parser("train sail", help="a planner that gets better on a new task from its own rollouts")
    training.add_argument("--task", required=True, metavar="NAME", help="the new task")
    training.add_argument(
        "--filter", default="success", metavar="NAME", help="none, success, judge or best; default: success"
    )
    training.add_argument("--seed", type=int, default=0, metavar="N", help="of rollouts and trainings; default: 0")
    training.add_argument("--no-video", action="store_true", help="leave the videos out")
    training.add_argument("--out", type=Path, default=Path("results/sail"), metavar="DIR", help="default: results/sail")
    _add_loop(training)
    training.set_defaults(run=_train_sail)

    evaluation = commands.add_parser("eval sail", help="improvement loops of several tasks; goes on where it was")
    evaluation.add_argument("--tasks", default="novel", metavar="NAME,…", help="new tasks; default: novel, all twelve")
    evaluation.add_argument("--filters", default="success", metavar="NAME,…", help="none, success, judge, best")
    evaluation.add_argument("--seeds", default="0:3", metavar="A:B", help="seeds A … B-1, or a,b,c; default: 0:3")
    evaluation.add_argument("--out", type=Path, default=Path("results/eval_sail"), metavar="DIR", help="results")
    _add_loop(evaluation)
    evaluation.set_defaults(run=_eval_sail)

    distilling = commands.add_parser("distil", help="policies that do what improvement loops kept, without a plan")
    distilling.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of a loop, or of several")
    distilling.add_argument("--data", required=True, metavar="DIR,…", help="what the loops were run with")
    distilling.add_argument("--weights", type=Path, metavar="DIR", help="of the first policy; default: those shipped")
    distilling.add_argument("--budget", type=int, default=600, metavar="N", help="batches; default: 600")
    distilling.add_argument("--out", type=Path, default=Path("results/distilled"), metavar="DIR", help="results")
    distilling.set_defaults(run=_distil)

    report = commands.add_parser("report sail", help="tables and curves of improvement loops that were run")
    report.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of a loop, or of several")
    report.add_argument("--out", type=Path, default=Path("results/sail_report"), metavar="DIR", help="results")
    report.set_defaults(run=_report_sail)


def _add_loop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--iterations", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--rollouts", type=int, default=30, metavar="N", help="of each iteration; default: 30")
    parser.add_argument(
        "--explore", type=int, default=0, metavar="N", help="of those, that explore while few were kept; default: 0"
    )
    parser.add_argument(
        "--explorer",
        default=RUMMAGE,
        metavar="NAME",
        help="who: rummage, play, tinker (goes back to what moved things), or prior (it plans alone); default: rummage",
    )
    parser.add_argument("--bold", action="store_true", help="take every training as it is, and try no cautious one")
    parser.add_argument(
        "--goals", type=int, default=50, metavar="N", help="for evaluation, always the same; default: 50"
    )
    parser.add_argument(
        "--method", default="in_domain", metavar="NAME", help="how in-domain model and prior are joined; or cloning"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="first models; default: those that are shipped")
    parser.add_argument(
        "--data", required=True, metavar="DIR,…", help="what the first models were trained on, to replay"
    )
    parser.add_argument(
        "--demonstrations",
        metavar="DIR,…",
        help="of the judge: it learns from one of the task; default: it goes by the words",
    )
    parser.add_argument("--seen", metavar="NAME,…", help="demonstrated tasks, to see what is forgotten")
    parser.add_argument("--seen-goals", type=int, default=5, metavar="N", help="of each of them; default: 5")
    parser.add_argument("--video-budget", type=int, default=300, metavar="N", help="batches of a fine-tuning")
    parser.add_argument("--inverse-budget", type=int, default=300, metavar="N", help="batches of a fine-tuning")
    parser.add_argument("--last", action="store_true", help="plan with the last fine-tuning, not the mean of all")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="batches of rollouts at the same time")
    parser.add_argument("--engine", default="process", metavar="NAME", help="process, or ray (extra 'ray')")


def _train_sail(options: argparse.Namespace) -> int:
    from evaluation.statistics import wilson_ci95
    from evaluation.table import rich_table

    console = open_console()
    loop, studio = _open_loop(options, options.task, options.filter, options.seed, options.out, console.print)
    reports, saved = _run_loop(loop, studio, options.iterations, film=not options.no_video)
    rows = []
    for report in reports:
        low, high = wilson_ci95(sum(report.reached), report.goals) or (0.0, 1.0)
        shares = (report.collected_success, report.precision, report.recall)
        rows.append(
            [
                f"{report.iteration} {report.planner}",
                f"{100.0 * report.success:.0f} % [{100.0 * low:.0f}, {100.0 * high:.0f}]",
                *("–" if share is None else f"{100.0 * share:.0f} %" for share in shares),
                *(str(report.kept), str(report.steps), f"{sum(report.seconds.values()):.0f}"),
                ", ".join(f"{task} {100.0 * share:.0f} %" for task, share in report.seen.items()) or "–",
            ]
        )
    heads = ["iteration", "success", "of rollouts", "precision", "recall", "kept", "steps", "seconds", "seen tasks"]
    console.print(rich_table(f"{options.task}, filter '{options.filter}'", heads, rows, left=1))
    if saved is not None:
        console.print(f"the planner's models: {saved.resolve()}", soft_wrap=True)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _eval_sail(options: argparse.Namespace) -> int:
    from controllers.errors import UnknownName
    from evaluation.sail_curves import read_loop
    from evaluation.sail_report import write_report
    from evaluation.suite import parse_seeds
    from policies.sail.filters import FILTERS
    from sim.world_tasks import MANIPULATION, find_tasks

    tasks, filters = find_tasks(MANIPULATION, split_names(options.tasks) or ()), split_names(options.filters) or ()
    for name in filters:
        if name not in FILTERS:
            raise UnknownName("filter", name, FILTERS)
    console, folders = open_console(), []
    # Seed by seed, so that a stop leaves every task with as many loops.
    runs = [(task, chosen, seed) for seed in parse_seeds(options.seeds) for task in tasks for chosen in filters]
    for number, (task, chosen, seed) in enumerate(runs, start=1):
        console.print(f"loop {number} of {len(runs)}: {task}, filter '{chosen}', seed {seed}")
        folders.append(options.out / RUNS / f"{task}__{chosen}__{seed}")
        loop, studio = _open_loop(options, task, chosen, seed, folders[-1], console.print)
        _run_loop(loop, studio, options.iterations, film=False)
    write_report([read_loop(folder) for folder in folders], options.out, console)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _report_sail(options: argparse.Namespace) -> int:
    from controllers.errors import InvalidValue
    from evaluation.sail_curves import find_loops, read_loop
    from evaluation.sail_report import write_report

    console, loops = open_console(), [read_loop(folder) for folder in find_loops(options.folders)]
    for loop in loops:
        if not loop.finished:
            done = len(loop.reports)
            console.print(f"left out, not finished ({done} iterations): {loop.task}, {loop.method}, seed {loop.seed}")
    finished = [loop for loop in loops if loop.finished]
    if not finished:
        raise InvalidValue(f"none of the {len(loops)} loops is finished")
    write_report(finished, options.out, console)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _distil(options: argparse.Namespace) -> int:
    from controllers.errors import MissingModel
    from evaluation.journal import digest_files
    from evaluation.sail_curves import find_loops

    try:
        from evaluation.distilled import POLICY, measure_distilled, name_of
        from policies.sail.cloning_studio import CloningStudio, CloningStudioConfig
        from policies.video.shipped import CLONING, WEIGHTS, weights_of
    except ImportError as error:
        raise MissingModel(f"a policy needs torch ({error}): pip install 'pronk[learn]'") from error

    data = tuple(Path(name) for name in split_names(options.data) or ())
    policy = weights_of(CLONING, folder=options.weights or WEIGHTS)
    studio, console = CloningStudio(CloningStudioConfig(policy, data, steps=options.budget)), open_console()
    # Whether there is a first policy, before anything is learned.
    studio.planner(None)
    by = f"{options.budget} batches from {digest_files([(policy.name, policy)])[:12]}"
    pairs = measure_distilled(find_loops(options.folders), data, studio, by, options.out, console)
    for pair in pairs:
        place = options.out / name_of(pair)
        _put_together(studio, place / POLICY, place / PLANNER)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0


def _open_loop(
    options: argparse.Namespace, task: str, chosen: str, seed: int, out: Path, tell: Callable[[str], None]
) -> "tuple[SailLoop, VideoStudio | CloningStudio]":
    """Begin a loop, or go on with that of a folder."""
    from controllers.errors import MissingModel
    from evaluation.sail_spread import spread_over
    from policies.sail.filters import BY_JUDGE, make_filter
    from policies.sail.loop import SailConfig, SailLoop
    from sim.episodes import read_episode

    try:
        from policies.sail.cloning_studio import CloningStudio, CloningStudioConfig
        from policies.sail.judged_task import open_judge
        from policies.sail.kept_episodes import find_own
        from policies.sail.video_studio import VideoStudio
        from policies.video.shipped import CLONED
    except ImportError as error:
        raise MissingModel(f"the loop needs torch ({error}): pip install 'pronk[learn]'") from error

    shown = tuple(Path(name) for name in split_names(options.demonstrations) or ())
    judged = open_judge(task, shown, chosen=chosen) if chosen in BY_JUDGE else None
    config = _studio_config(options, () if judged is None else judged.judge.views)
    cloned = isinstance(config, CloningStudioConfig)
    seen = tuple(split_names(options.seen) or ())
    settings = SailConfig(
        *(task, options.iterations, options.rollouts, options.goals, seed),
        # A policy does best when it looks again as soon as it can.
        frames=1 if cloned else 2,
        seen_tasks=seen,
        seen_goals=options.seen_goals if seen else 0,
        explored=options.explore,
        cautious=not options.bold,
        goes_on=judged is not None,
    )
    studio = CloningStudio(config) if isinstance(config, CloningStudioConfig) else VideoStudio(config)
    given = find_own(task, config.data)
    # Without a judge nobody has to look, and nothing is read for it.
    seen_enough = [p for p in given if set(config.views) <= set(read_episode(p).images)] if config.views else given
    if len(seen_enough) < len(given):
        tell(
            f"{len(given) - len(seen_enough)} of {len(given)} episodes of '{task}' in the data were not seen by all "
            f"cameras of the judge ({', '.join(config.views)}): it is not asked about them"
        )
    keep = make_filter(chosen) if judged is None else judged.filter()
    name = chosen if judged is None else judged.name
    # Reports tell loops apart by the first word.
    name = name.replace(chosen, f"{chosen}:{CLONED}", 1) if cloned else name
    loop = SailLoop(
        *(studio, keep, settings, out),
        *(f"{name} {config}", spread_over(options.engine, options.jobs), tell),
        given=seen_enough,
    )
    return loop, studio


def _studio_config(options: argparse.Namespace, views: tuple[str, ...]) -> "StudioConfig | CloningStudioConfig":
    """Tell what plans and learns; a judge looks through the views."""
    from controllers.errors import InvalidValue, UnknownName
    from policies.sail.cloning_studio import CloningStudioConfig
    from policies.sail.kept_episodes import PLAY
    from policies.sail.video_studio import StudioConfig
    from policies.video.shipped import ADAPTATIONS, CLONED, CLONING, INVERSE, VIDEO, WEIGHTS, weights_of

    if options.method not in (*ADAPTATIONS, CLONED):
        raise UnknownName("method of the planner", options.method, (*ADAPTATIONS, CLONED))
    if options.explorer not in (PRIOR, *PLAY):
        raise UnknownName("explorer", options.explorer, (PRIOR, *PLAY))
    folder, data = options.weights or WEIGHTS, tuple(Path(name) for name in split_names(options.data) or ())
    by_prior = options.explore > 0 and options.explorer == PRIOR
    play = options.explorer if options.explore and not by_prior else ""
    if options.method == CLONED:
        if by_prior or options.last:
            raise InvalidValue("a cloned policy has no prior that explores, and no mean of fine-tunings")
        return CloningStudioConfig(
            *(weights_of(CLONING, folder=folder), data, views, play, options.video_budget + options.inverse_budget)
        )
    adaptation, prior = ADAPTATIONS[options.method], weights_of(f"{VIDEO}_prior", folder=folder)
    return StudioConfig(
        *(weights_of(f"{VIDEO}_in_domain", folder=folder), weights_of(INVERSE, folder=folder), data),
        prior if adaptation.weights.prior_told else None,
        adaptation,
        explorer=prior if by_prior else None,
        views=views,
        video_steps=options.video_budget,
        inverse_steps=options.inverse_budget,
        average=not options.last,
        play=play,
    )


def _run_loop(
    loop: "SailLoop", studio: "VideoStudio | CloningStudio", iterations: int, film: bool
) -> "tuple[list[IterationReport], Path | None]":
    """Run what is left of a loop, and put its last planner where `--weights` takes it, if it has one of its own."""
    from policies.sail.records import write_json

    reports: list[IterationReport] = []
    for report in loop.run():
        reports.append(report)
        write_json(loop.folder / CURVE, [r.to_dict() for r in reports])
        if film:
            loop.film(report.iteration)
    models = loop.models(iterations)
    if models is None:
        return reports, None
    return reports, _put_together(studio, models, loop.folder / PLANNER)


def _put_together(studio: "VideoStudio | CloningStudio", models: Path, folder: Path) -> Path:
    """Put models where `--weights` takes them: named as those that are shipped."""
    from policies.video.shipped import weights_of

    for part, source in studio.files(models).items():
        target = weights_of(part, folder=folder)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
    return folder

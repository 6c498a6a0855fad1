"""The command `pronk train sail`; imports what it needs only when it runs."""

import argparse
import shutil
from pathlib import Path
from typing import Any

from pronk.terminal import open_console, split_names

CURVE, PLANNER = "curve.json", "planner"
PRIOR, RUMMAGE, EXPLORERS = "prior", "rummage", ("prior", "play", "rummage")


def add_sail(commands: Any) -> None:
    """Add the command to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = commands.add_parser("train sail", help="a planner that gets better on a new task from its own rollouts")
    parser.add_argument("--task", required=True, metavar="NAME", help="the new task")
    parser.add_argument("--iterations", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--rollouts", type=int, default=30, metavar="N", help="of each iteration; default: 30")
    parser.add_argument(
        "--explore", type=int, default=0, metavar="N", help="of those, that explore while few were kept; default: 0"
    )
    parser.add_argument(
        "--explorer",
        default=RUMMAGE,
        metavar="NAME",
        help="who: rummage, play, or prior (it plans alone); default: rummage",
    )
    parser.add_argument("--bold", action="store_true", help="take every training as it is, and try no cautious one")
    parser.add_argument(
        "--goals", type=int, default=50, metavar="N", help="for evaluation, always the same; default: 50"
    )
    parser.add_argument("--filter", default="success", metavar="NAME", help="none, success or judge; default: success")
    parser.add_argument(
        "--method", default="in_domain", metavar="NAME", help="how in-domain model and prior are joined"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="first models; default: those that are shipped")
    parser.add_argument(
        "--data", required=True, metavar="DIR,…", help="what the first models were trained on, to replay"
    )
    parser.add_argument("--seen", metavar="NAME,…", help="demonstrated tasks, to see what is forgotten")
    parser.add_argument("--seen-goals", type=int, default=5, metavar="N", help="of each of them; default: 5")
    parser.add_argument("--video-budget", type=int, default=300, metavar="N", help="batches of a fine-tuning")
    parser.add_argument("--inverse-budget", type=int, default=300, metavar="N", help="batches of a fine-tuning")
    parser.add_argument("--last", action="store_true", help="plan with the last fine-tuning, not the mean of all")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of rollouts and trainings; default: 0")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="batches of rollouts at the same time")
    parser.add_argument("--engine", default="process", metavar="NAME", help="process, or ray (extra 'ray')")
    parser.add_argument("--no-video", action="store_true", help="leave the videos out")
    parser.add_argument("--out", type=Path, default=Path("results/sail"), metavar="DIR", help="default: results/sail")
    parser.set_defaults(run=_train_sail)


def _train_sail(options: argparse.Namespace) -> int:
    from controllers.errors import MissingModel
    from evaluation.sail_spread import spread_over
    from evaluation.statistics import wilson_ci95
    from evaluation.table import rich_table
    from policies.sail.filters import JUDGED, make_filter
    from policies.sail.loop import SailConfig, SailLoop
    from policies.sail.records import write_json
    from sim.episodes import find_episodes

    try:
        from policies.sail.video_studio import OWN, StudioConfig, VideoStudio
        from policies.video.shipped import ADAPTATIONS, INVERSE, VIDEO, WEIGHTS, weights_of
    except ImportError as error:
        raise MissingModel(f"the loop needs torch ({error}): pip install 'pronk[learn]'") from error
    from controllers.errors import UnknownName

    if options.method not in ADAPTATIONS:
        raise UnknownName("method of the planner", options.method, ADAPTATIONS)
    if options.explorer not in EXPLORERS:
        raise UnknownName("explorer", options.explorer, EXPLORERS)
    by_prior = options.explore > 0 and options.explorer == PRIOR
    judge = None
    if options.filter == JUDGED:
        from policies.rewards.learned_judge import LearnedJudge

        judge = LearnedJudge()
    adaptation, folder = ADAPTATIONS[options.method], options.weights or WEIGHTS
    config = StudioConfig(
        weights_of(f"{VIDEO}_in_domain", folder=folder),
        weights_of(INVERSE, folder=folder),
        tuple(Path(name) for name in split_names(options.data) or ()),
        weights_of(f"{VIDEO}_prior", folder=folder) if adaptation.weights.prior_told else None,
        adaptation,
        explorer=weights_of(f"{VIDEO}_prior", folder=folder) if by_prior else None,
        views=() if judge is None else judge.views,
        video_steps=options.video_budget,
        inverse_steps=options.inverse_budget,
        average=not options.last,
        play=options.explorer if options.explore and not by_prior else "",
    )
    seen = tuple(split_names(options.seen) or ())
    settings = SailConfig(
        *(options.task, options.iterations, options.rollouts, options.goals, options.seed),
        seen_tasks=seen,
        seen_goals=options.seen_goals if seen else 0,
        explored=options.explore,
        cautious=not options.bold,
    )
    console, studio = open_console(), VideoStudio(config)
    there = [item for place in config.data for item in find_episodes(place).items()]
    # Of the task itself there is play in the data, and some of it succeeded.
    given = [path for path, info in there if info.task == options.task and info.behaviour in OWN]
    loop = SailLoop(
        *(studio, make_filter(options.filter, judge), settings, options.out),
        *(f"{options.filter} {config}", spread_over(options.engine, options.jobs), console.print),
        given=given,
    )
    reports = []
    for report in loop.run():
        reports.append(report)
        write_json(options.out / CURVE, [r.to_dict() for r in reports])
        if not options.no_video:
            loop.film(report.iteration)
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
    models = loop.models(options.iterations)
    if models is not None:
        # Under the names of shipped weights, for `--weights` of this command and of `pronk eval planner`.
        for part, source in studio.files(models).items():
            target = weights_of(part, folder=options.out / PLANNER)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
        console.print(f"the planner's models: {(options.out / PLANNER).resolve()}", soft_wrap=True)
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return 0

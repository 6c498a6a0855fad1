"""The commands: demo, launch, eval, collect, train, gate, tune, bench, drill, doctor, scenario, report, replay, ….

Each command imports what it needs only when it runs.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from pronk.drill_command import add_drill
from pronk.fuzz import add_fuzz
from pronk.reward_options import add_reward
from pronk.rl_commands import add_rl
from pronk.sail_commands import add_sail
from pronk.seeing import add_view, add_watch
from pronk.terminal import open_console, split_names
from pronk.video_commands import add_video

MISUSED = 2
LAUNCH = "launch"
REPORT = "report"
# Commands of two words, whose options are their own: `pronk report suite` is not made of a bag like `pronk report`.
TWO_WORDS = {REPORT: ("adaptation", "suite", "sail"), "eval": ("rl", "planner", "rewards", "sail")}
TWO_WORDS["train"] = ("rl", "sail", "video", "cloning", "reward")
# For the help alone, which should not wait for the numeric libraries.
SUITES = ("smoke", "walk", "payload", "push", "adaptation_smoke", "adaptation", "survival", "adaptation_full")
NAVIGATION_SUITES = ("smoke", "random", "games", "crowd", "arena", "full")


class _Parser(argparse.ArgumentParser):
    """Reports misuse in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit.

        Args:
            message: What is wrong.
        """
        self.exit(MISUSED, f"error: {message} (see '{self.prog} --help')\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words after `pronk`; None for those of the process.

    Returns:
        Exit code: 0, 1 where the command found what it looks for to be bad, 2 where it was misused.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [LAUNCH]:
        return _launch(words[1:])
    if len(words) > 1 and words[1] in TWO_WORDS.get(words[0], ()):
        words[:2] = [" ".join(words[:2])]
    options = _parser().parse_args(words)
    # Only now: help and misuse of the words should not wait for the numeric libraries.
    from controllers.errors import ControlError

    try:
        return int(options.run(options))
    except (ControlError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pronk", description="Control stack for robots that get better while they run.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    commands.add_parser(LAUNCH, help="run a *.launch.yaml file without ros2 launch", add_help=False)

    evaluation = commands.add_parser("eval", help="run a suite and write tables, plots and results.json")
    evaluation.add_argument("subject", choices=("locomotion", "navigation"), help="what is evaluated")
    suites = f"locomotion: {', '.join(SUITES)}; navigation: {', '.join(NAVIGATION_SUITES)}; default: smoke"
    evaluation.add_argument("--suite", default="smoke", metavar="NAME", help=suites)
    evaluation.add_argument(
        "--cases",
        type=Path,
        metavar="FILE",
        help="run the cases of a file instead: YAML, each seed 0 as it stands; navigation: JSON",
    )
    evaluation.add_argument("--only", metavar="CASE,…", help="run only these cases of the suite")
    evaluation.add_argument("--methods", metavar="NAME,…", help="learners; default: those of the suite")
    evaluation.add_argument("--seeds", metavar="A:B", help="seeds A … B-1, or a,b,c; default: those of the suite")
    evaluation.add_argument("--jobs", type=int, default=1, metavar="N", help="trials at the same time")
    evaluation.add_argument("--engine", default="process", metavar="NAME", help="process, or ray (extra 'ray')")
    evaluation.add_argument("--estimator", default="kalman", metavar="NAME", help="locomotion: kalman or ground_truth")
    evaluation.add_argument("--videos", action="store_true", help="navigation: a video of the first seed of all")
    evaluation.add_argument("--check", action="store_true", help="exit with 1 unless every target is reached")
    _add_out(evaluation, "results/eval")
    evaluation.set_defaults(run=_evaluate)

    tuning = commands.add_parser("tune", help="try settings of every learner, the same number of each")
    tuning.add_argument("subject", choices=("locomotion",), help="what is tuned")
    tuning.add_argument("--methods", metavar="NAME,…", help="learners; default: all that can be tuned")
    tuning.add_argument("--budget", type=int, default=16, metavar="N", help="settings of each; default: 16")
    tuning.add_argument("--only", metavar="CASE,…", help="tune on these cases only")
    tuning.add_argument("--jobs", type=int, default=1, metavar="N", help="processes")
    _add_out(tuning, "results/tune")
    tuning.set_defaults(run=_tune)

    training = commands.add_parser("train", help="train a policy; goes on where it was stopped")
    training.add_argument("subject", choices=("navigation", "inverse"), help="what is trained")
    training.add_argument("--variant", default="pronk", metavar="NAME", help="navigation: pronk, or paper: (ζ, η) only")
    training.add_argument(
        "--algorithm", default="evolution", metavar="NAME", help="navigation: evolution, or ppo; default: evolution"
    )
    training.add_argument(
        "--budget", type=int, metavar="N", help="generations, default: 80, of ppo: 320; inverse: batches, 4000"
    )
    training.add_argument("--data", metavar="DIR,…", help="inverse: folders of `pronk collect`")
    training.add_argument("--camera", default="corner4", metavar="NAME", help="inverse: pictures; default: corner4")
    training.add_argument("--seed", type=int, default=0, metavar="N", help="seed of noise and scenes; default: 0")
    training.add_argument("--start", type=Path, metavar="FILE", help="inverse: weights to go on from")
    training.add_argument(
        "--imagined", type=Path, metavar="FILE", help="inverse: a video model whose pictures it sees too"
    )
    training.add_argument(
        "--single-step", action="store_true", help="inverse: of neighbouring pictures alone, as published"
    )
    _add_out(training, "results/train")
    training.set_defaults(run=_train)

    add_reward(commands)
    add_rl(commands)
    add_sail(commands)
    add_video(commands)

    collecting = commands.add_parser("collect", help="record episodes of the planner's worlds; goes on where it was")
    collecting.add_argument("world", choices=("manipulation", "arena"), help="where")
    collecting.add_argument("--tasks", default="train", metavar="NAME,…", help="tasks, or train, novel, prior, all")
    collecting.add_argument("--episodes", type=int, default=25, metavar="N", help="of each task; default: 25")
    collecting.add_argument("--seed", type=int, default=0, metavar="N", help="of the first episode; default: 0")
    acting = "expert, mixed, play, rummage, stumble, graze, planner; default: expert"
    collecting.add_argument("--behaviour", default="expert", metavar="NAME", help=acting)
    collecting.add_argument("--weights", type=Path, metavar="DIR", help="of the planner; default: those shipped")
    collecting.add_argument("--successes", action="store_true", help="go on until N episodes of each task succeeded")
    collecting.add_argument("--cameras", metavar="NAME,…", help="default: corner4, or top in the arena")
    collecting.add_argument("--size", type=int, default=64, metavar="N", help="of the pictures [pixel]; default: 64")
    collecting.add_argument("--horizon", type=int, default=200, metavar="N", help="actions at most; default: 200")
    collecting.add_argument("--look", type=int, metavar="N", help="seed of other colours, light and cameras")
    collecting.add_argument("--every", type=int, default=1, metavar="K", help="keep every K-th state; default: 1")
    collecting.add_argument("--ahead", type=int, default=0, metavar="N", help="steps the expert may need from there")
    collecting.add_argument("--linger", type=int, default=0, metavar="N", help="actions after success; default: 0")
    collecting.add_argument("--full", action="store_true", help="go on to the horizon after success")
    _add_out(collecting, "results/episodes")
    collecting.set_defaults(run=_collect)

    bench = commands.add_parser("bench", help="time every hot path beside the libraries that a user would pick")
    bench.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    bench.add_argument("--only", choices=("locomotion", "filter"), help="one part")
    _add_out(bench, "results/bench")
    bench.set_defaults(run=_bench)

    add_drill(commands)
    add_fuzz(commands)

    doctor = commands.add_parser("doctor", help="check this machine and say what to do")
    doctor.set_defaults(run=_doctor)

    scenario = commands.add_parser("scenario", help="run one scenario in this process, with plots and a video")
    scenario.add_argument("name", help="name of a scenario, or of a case where --cases is given")
    scenario.add_argument("--cases", type=Path, metavar="FILE", help="YAML case file to look the name up in")
    scenario.add_argument("--robot", default="go2", metavar="NAME", help="robot; a case file names its own")
    scenario.add_argument("--learner", default="pronk", metavar="NAME", help="residual learner")
    scenario.add_argument("--estimator", default="kalman", metavar="NAME", help="kalman or ground_truth")
    scenario.add_argument("--seed", type=int, metavar="N", help="vary the scenario as trial N of a suite")
    scenario.add_argument("--no-video", action="store_true", help="leave the video out")
    _add_out(scenario, "results/scenario")
    scenario.set_defaults(run=_scenario)

    report = commands.add_parser(REPORT, help="make the report of a recorded run from its bag")
    names = " or ".join(f"'{name}'" for name in TWO_WORDS[REPORT])
    report.add_argument("bag", type=Path, help=f"folder of a bag, or an MCAP file (a folder named {names}: ./NAME)")
    report.add_argument("--scenario", default="go2_payload", metavar="NAME", help="what was run")
    report.add_argument("--robot", default="go2", metavar="NAME", help="robot that ran it")
    report.add_argument("--no-video", action="store_true", help="leave the video out")
    report.add_argument("--no-comparison", action="store_true", help="leave the run without learning out")
    _add_out(report, "results/report")
    report.set_defaults(run=_report)

    add_view(commands.add_parser("view", help="look at any bag: one page of HTML that opens without a network"))
    add_watch(commands.add_parser("watch", help="rates, ages and health of the running stack, in the terminal"))

    _add_adaptation(commands.add_parser(f"{REPORT} adaptation", help="show one trial with several methods"))
    _add_suite(commands.add_parser(f"{REPORT} suite", help="make tables and figures of a finished suite again"))

    replay = commands.add_parser("replay", help="evaluate estimator, learners and controllers on bags, open loop")
    replay.add_argument("bags", type=Path, nargs="+", metavar="BAG", help="folder of a bag, or one of its files")
    replay.add_argument("--out", type=Path, metavar="DIR", help="results; default: a folder beside each bag")
    replay.add_argument("--robot", default="go2", metavar="NAME", help="robot that was recorded; default: go2")
    replay.add_argument("--learners", metavar="NAME,…", help="residual learners; default: none,pronk")
    replay.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the learners' features; default: 0")
    replay.add_argument("--remap", type=Path, metavar="FILE", help="YAML file of names of topics, joints and feet")
    replay.add_argument("--namespace", metavar="NAME", help="robot, where several were recorded")
    replay.add_argument("--no-control", action="store_true", help="leave controllers and learners out: much faster")
    replay.add_argument("--no-bag", action="store_true", help="leave the results bag out")
    replay.set_defaults(run=_replay)

    demo = commands.add_parser("demo", help="the main job: walk over ROS 2, find a payload, leave a bag and a report")
    demo.add_argument("--scenario", default="go2_payload", metavar="NAME", help="what is run")
    demo.add_argument("--robot", default="go2", metavar="NAME", help="robot")
    demo.add_argument("--learner", default="pronk", metavar="NAME", help="residual learner")
    demo.add_argument("--lockstep", action="store_true", help="repeatable to the bit instead of real time")
    demo.add_argument("--no-video", action="store_true", help="leave the video out")
    demo.add_argument("--out", type=Path, metavar="DIR", help="new folder for the results; default: by the time of day")
    demo.set_defaults(run=_demo)
    return parser


def _add_adaptation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--case", required=True, metavar="NAME", help="case of the suite or of the case file")
    parser.add_argument("--suite", default="adaptation", metavar="NAME", help="suite; default: adaptation")
    parser.add_argument("--cases", type=Path, metavar="FILE", help="YAML case file to look the case up in instead")
    parser.add_argument("--methods", metavar="NAME,…", help="from left to right; default: none and the best learner")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which trial; default: 0")
    parser.add_argument("--estimator", default="kalman", metavar="NAME", help="kalman or ground_truth")
    parser.add_argument("--no-video", action="store_true", help="leave the video out")
    _add_out(parser, "results/adaptation")
    parser.set_defaults(run=_report_adaptation)


def _add_suite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of its results.json")
    parser.add_argument("--ours", metavar="NAME", help="method that is compared with all others; default: pronk")
    parser.set_defaults(run=_report_suite)


def _add_out(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(default), metavar="DIR", help=f"results; default: {default}")


def _launch(words: Sequence[str]) -> int:
    try:
        from pronk_bringup.runner import main as launch
    except ImportError as error:
        print(f"error: {error}; 'pronk launch' needs the extra 'ros': pip install 'pronk[ros]'", file=sys.stderr)
        return MISUSED
    run: Callable[[Sequence[str]], int] = launch
    return run(words)


def _check_estimator(name: str) -> None:
    from evaluation.rollout import RolloutConfig

    RolloutConfig(estimator=name)


def _evaluate(options: argparse.Namespace) -> int:
    if options.subject == "navigation":
        return _evaluate_navigation(options)
    from evaluation.locomotion import evaluate
    from evaluation.locomotion_suites import get_suite
    from evaluation.suite import only, parse_seeds, suite_of_cases

    _check_estimator(options.estimator)
    suite = get_suite(options.suite) if options.cases is None else suite_of_cases(options.cases)
    chosen = split_names(options.only)
    if chosen is not None:
        suite = only(suite, chosen)
    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    console = open_console()
    verdicts = evaluate(
        suite,
        options.out,
        split_names(options.methods),
        seeds,
        options.estimator,
        options.jobs,
        console,
        options.engine,
    )
    console.print(f"results: {options.out.resolve()}")
    missed = [verdict for verdict in verdicts if verdict.claim.binding and verdict.passed is False]
    return int(options.check and bool(missed))


def _evaluate_navigation(options: argparse.Namespace) -> int:
    from evaluation.navigation import evaluate_navigation
    from evaluation.navigation_suites import get_navigation_suite, only_cases, suite_of_scenes
    from evaluation.suite import parse_seeds

    suite = get_navigation_suite(options.suite) if options.cases is None else suite_of_scenes(options.cases)
    chosen = split_names(options.only)
    if chosen is not None:
        suite = only_cases(suite, chosen)
    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    console = open_console()
    verdicts = evaluate_navigation(
        suite, options.out, split_names(options.methods), seeds, options.jobs, console, options.videos
    )
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    missed = [verdict for verdict in verdicts if verdict.claim.binding and verdict.passed is False]
    return int(options.check and bool(missed))


def _tune(options: argparse.Namespace) -> int:
    from evaluation.tuning import Plan, tune
    from evaluation.tuning_report import write_report

    plan, chosen = Plan(options.budget), split_names(options.only)
    if chosen is not None:
        plan = plan.on(chosen)
    console = open_console()
    candidates = tune(split_names(options.methods), plan, options.out, options.jobs, console)
    write_report(candidates, plan, options.out, console)
    console.print(f"results: {options.out.resolve()}; tuned.py there replaces controllers/residual/tuned.py")
    return 0


def _train(options: argparse.Namespace) -> int:
    if options.subject == "inverse":
        from pronk.planner_commands import train_inverse

        return train_inverse(options, open_console())
    from pronk.navigation_commands import train_navigation

    return train_navigation(options, open_console())


def _collect(options: argparse.Namespace) -> int:
    from pronk.planner_commands import collect_episodes

    return collect_episodes(options, open_console())


def _bench(options: argparse.Namespace) -> int:
    from pronk.bench import PARTS, bench

    parts = PARTS if options.only is None else (options.only,)
    return bench(options.out, open_console(), quick=options.quick, parts=parts)


def _doctor(options: argparse.Namespace) -> int:
    from pronk.doctor import examine

    return examine(open_console())


def _scenario(options: argparse.Namespace) -> int:
    from controllers.errors import InvalidValue
    from evaluation.scenario_report import report_scenario
    from sim.case_files import load_cases
    from sim.scenarios import get_scenario, randomised

    _check_estimator(options.estimator)
    if options.cases is None:
        scenario = get_scenario(options.name, options.robot)
    else:
        cases = {case.name: case for case in load_cases(options.cases)}
        if options.name not in cases:
            raise InvalidValue(f"no case '{options.name}' in {options.cases}; available: {', '.join(cases)}")
        scenario = cases[options.name]
    if options.seed is not None:
        scenario = randomised(scenario, options.seed)
    return report_scenario(
        scenario, options.learner, options.estimator, options.out, open_console(), video=not options.no_video
    )


def _report(options: argparse.Namespace) -> int:
    from evaluation.run_report import report_run
    from sim.scenarios import get_scenario

    console = open_console()
    code = report_run(
        options.bag,
        get_scenario(options.scenario, options.robot),
        options.out,
        console,
        video=not options.no_video,
        comparison=not options.no_comparison,
    )
    console.print(f"results: {options.out.resolve()}", soft_wrap=True)
    return code


def _report_adaptation(options: argparse.Namespace) -> int:
    from evaluation.adaptation_report import find_case, report_adaptation
    from evaluation.locomotion_suites import get_suite
    from evaluation.suite import suite_of_cases

    _check_estimator(options.estimator)
    suite = get_suite(options.suite) if options.cases is None else suite_of_cases(options.cases)
    case, methods = find_case(suite, options.case), split_names(options.methods)
    return report_adaptation(
        case, methods, options.seed, options.estimator, options.out, open_console(), video=not options.no_video
    )


def _report_suite(options: argparse.Namespace) -> int:
    from evaluation.adaptation_report import remake_reports
    from evaluation.locomotion_suites import SUITES
    from evaluation.suite_report import read_results

    suite = SUITES.get(read_results(options.folder).get("suite", ""))
    report = remake_reports(options.folder, suite, options.ours)
    open_console().print(f"results: {options.folder.resolve()}: {len(report.files)} files", soft_wrap=True)
    return 0


def _replay(options: argparse.Namespace) -> int:
    from evaluation.replay.replay_report import options_of, replay_bags

    chosen = options_of(
        options.robot,
        split_names(options.learners),
        options.seed,
        options.remap,
        options.namespace,
        control=not options.no_control,
        bag=not options.no_bag,
    )
    replay_bags(options.bags, options.out, chosen, open_console())
    return 0


def _demo(options: argparse.Namespace) -> int:
    from controllers.errors import UnknownName
    from controllers.residual.catalog import LEARNERS
    from pronk.demo import run_demo

    if options.learner not in LEARNERS:
        raise UnknownName("residual learner", options.learner, LEARNERS)
    return run_demo(
        options.scenario,
        options.robot,
        options.learner,
        options.lockstep,
        options.out,
        open_console(),
        video=not options.no_video,
    )


if __name__ == "__main__":
    sys.exit(main())

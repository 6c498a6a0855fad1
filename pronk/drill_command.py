"""The command `pronk drill`; imports what it needs only when it runs."""

import argparse
from pathlib import Path
from typing import Any

from pronk.terminal import open_console, split_names


def add_drill(commands: Any) -> None:
    """Add the command to the command line.

    Args:
        commands: What `add_subparsers` returned.
    """
    drill = commands.add_parser("drill", help="break every topic and node of the running stack, and judge what happens")
    drill.add_argument("--cases", metavar="NAME,…", help="cases, or topics and nodes for all theirs; default: all")
    drill.add_argument(
        "--real-time-factor", type=float, default=1.0, metavar="X", help="speed of the world; below 1 on a busy machine"
    )
    drill.add_argument(
        "--realtime-priority",
        type=int,
        default=10,
        metavar="N",
        help="priority over all other work of the machine, where allowed; 0 for none; default: 10",
    )
    drill.add_argument("--list", action="store_true", help="show the cases and what is expected, and run nothing")
    drill.add_argument("--out", type=Path, default=Path("results/drill"), metavar="DIR", help="default: results/drill")
    drill.set_defaults(run=_drill)


def _drill(options: argparse.Namespace) -> int:
    from controllers.errors import MissingModel
    from evaluation.drill_cases import find_cases
    from evaluation.drill_report import drill_table

    console, names = open_console(), split_names(options.cases)
    if options.list:
        console.print(drill_table(find_cases(names), {}))
        return 0
    try:
        from pronk.drill import run_drill
        from pronk.drill_stack import DrillSettings
    except ImportError as error:
        raise MissingModel(f"{error}; 'pronk drill' needs the extra 'ros': pip install 'pronk[ros]'") from error
    settings = DrillSettings(options.real_time_factor, options.realtime_priority)
    return run_drill(names, options.out, console, settings)

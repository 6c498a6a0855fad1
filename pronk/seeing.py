"""The commands that show what was recorded and what runs: `pronk view` and `pronk watch`."""

import argparse
import sys
from pathlib import Path

from pronk.terminal import open_console

MISUSED = 2


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add the options of `pronk view`.

    Args:
        parser: Its parser.
    """
    parser.add_argument("bag", type=Path, help="folder of a bag, or one of its files (MCAP or SQLite)")
    parser.add_argument("--video", type=Path, metavar="FILE", help="video of the run; default: run.mp4 beside the bag")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page; default: NAME.html here")
    parser.set_defaults(run=_view)


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Add the options of `pronk watch`.

    Args:
        parser: Its parser.
    """
    parser.add_argument("--namespace", default="", metavar="NAME", help="robot to watch; default: everything")
    parser.add_argument("--for", dest="time_limit", type=float, metavar="S", help="end after S seconds")
    parser.set_defaults(run=_watch)


def _view(options: argparse.Namespace) -> int:
    from evaluation.view.page import write_page

    out = options.out or Path(f"{options.bag.resolve().name}.html")
    survey = write_page(options.bag, out, options.video)
    console = open_console()
    for damage in survey.damages:
        console.print(damage, markup=False, soft_wrap=True)
    console.print(f"page: {out.resolve()}", markup=False, soft_wrap=True)
    return 0


def _watch(options: argparse.Namespace) -> int:
    try:
        from pronk_bringup.watch import watch
    except ImportError as error:
        print(f"error: {error}; 'pronk watch' needs the extra 'ros': pip install 'pronk[ros]'", file=sys.stderr)
        return MISUSED
    return int(watch(options.namespace, options.time_limit, open_console()))

"""Curves of progress over the states of episodes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.figure_style import BLACK, GREY, new_figure, save_figure, styled
from evaluation.reward_methods import ADAPTED, GOAL, WORDS
from evaluation.reward_trials import RewardTrial

# Colours that colour-blind readers can tell apart (Okabe and Ito).
COLOURS = {"clock": GREY, "pixels": "#CC79A7", WORDS: "#E69F00", GOAL: "#56B4E9", ADAPTED: "#0072B2"}
SHOWN = 2


def plot_curves(folder: Path, trials: Sequence[RewardTrial]) -> list[Path]:
    """Draw what judges thought of a few episodes of each task.

    Args:
        folder: For the pictures.
        trials: Opinions.

    Returns:
        Files that were written: one picture per task, the first episodes of the expert and of others.
    """
    files = []
    for task in dict.fromkeys(trial.task for trial in trials):
        of_task = [trial for trial in trials if trial.task == task and trial.method in COLOURS]
        chosen = []
        for behaviour in ("expert", "other"):
            seeds = list(dict.fromkeys(t.seed for t in of_task if t.behaviour == behaviour))[:SHOWN]
            chosen += [(behaviour, seed) for seed in seeds]
        if not chosen:
            continue
        with styled():
            figure = new_figure(3.0 * len(chosen), 3.4)
            axes = figure.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
            for axis, (behaviour, seed) in zip(axes, chosen, strict=True):
                shown = [t for t in of_task if (t.behaviour, t.seed) == (behaviour, seed)]
                axis.plot(shown[0].elapsed, color=BLACK, linestyle=":", label="true")
                for trial in shown:
                    axis.plot(trial.progress, color=COLOURS[trial.method], label=trial.method)
                for trial in (t for t in shown if t.method == ADAPTED):
                    axis.plot(trial.chance, color=COLOURS[ADAPTED], linestyle="--", label="success, adapted")
                done = np.flatnonzero(shown[0].done)
                if len(done):
                    axis.axvspan(done[0], len(shown[0].done) - 1, color=GREY, alpha=0.15, linewidth=0)
                axis.set(xlabel="state", title=f"{behaviour}, seed {seed}", ylim=(-0.03, 1.03))
            axes[0].set_ylabel("progress")
            axes[0].legend(frameon=False, fontsize=7)
            figure.suptitle(task)
            files += save_figure(figure, folder / f"{task}.png", pdf=False)
    return files

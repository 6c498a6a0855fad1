import pytest

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights
from pronk import cli

pytest.importorskip("torch", reason="torch is not installed")

from policies.video import inverse_training


def test_a_gate_tells_what_perfect_plans_are_worth_with_weights_that_were_just_trained(tmp_path, capsys):
    data, out = str(tmp_path / "data"), tmp_path / "out"
    assert cli.main(["collect", "arena", "--tasks", "red-box", "--episodes", "10", "--out", data]) == 0
    command = ["train", "inverse", "--data", data, "--camera", "top", "--budget", "1", "--out", str(out)]
    assert cli.main(command) == 0
    words = ["gate", "arena", "--tasks", "red-box", "--seeds", "0:2", "--weights", str(out / "inverse.safetensors")]
    assert cli.main([*words, "--out", str(tmp_path / "gate")]) == 0
    told = capsys.readouterr().out
    # Nobody is nearer than the expert; what one batch taught leads nowhere.
    assert "red-box: expert 100 %" in told and "learned 0 %" in told
    assert (tmp_path / "gate" / "results.json").is_file()


@pytest.mark.parametrize(("words", "strides", "reversed_share"), [([], (1, 8), 0.3), (["--single-step"], (1, 1), 0.0)])
def test_inverse_dynamics_learns_from_neighbours_alone_where_it_is_told_to(
    tmp_path, monkeypatch, words, strides, reversed_share
):
    asked = []
    draw = inverse_training.FramePairs.draw

    def watched(pairs, count, rng, strides=(1, 8), reversed_share=0.0):
        asked.append((tuple(strides), reversed_share))
        return draw(pairs, count, rng, strides, reversed_share)

    monkeypatch.setattr(inverse_training.FramePairs, "draw", watched)
    data, out = str(tmp_path / "data"), str(tmp_path / "out")
    collect = ["collect", "arena", "--tasks", "red-box", "--episodes", "10", "--out", data]
    assert cli.main(collect) == 0
    command = ["train", "inverse", "--data", data, "--camera", "top", "--budget", "1", "--out", out, *words]
    assert cli.main(command) == 0
    assert (strides, reversed_share) in asked
    # The command that made the weights stands in them, with all that matters.
    _, texts = load_weights(tmp_path / "out" / "inverse.safetensors", "")
    assert texts["command"].endswith(f"--budget 1 --seed 0{' --single-step' if words else ''}")


def test_strides_are_a_range():
    with pytest.raises(InvalidValue, match="strides must be a range of at least 1, got"):
        inverse_training.FramePairs.draw(None, 1, None, (2, 1))

import pytest

pytest.importorskip("torch", reason="torch is not installed")

from pronk import cli


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo-planner", "--pipeline", "/nowhere"], "there is no pipeline of a video model in '/nowhere'"),
        (["demo-planner", "--pipeline", "/nowhere", "--method", "prior"], "got 'prior' and '/nowhere'"),
        (["demo-planner", "--method", "open"], "got 'open' and none"),
        (["eval", "planner", "--methods", "expert", "--pipeline", "/nowhere"], "need each other; got expert and /now"),
        (["eval", "planner", "--methods", "open"], "need each other; got open and None"),
    ],
)
def test_an_open_video_model_is_named_by_its_folder(capsys, words, message):
    assert cli.main(words) == 2
    assert message in capsys.readouterr().err


def test_an_open_video_model_is_measured_beside_all_that_are_shipped(monkeypatch, tmp_path):
    from evaluation import planner

    asked = []
    monkeypatch.setattr(planner, "measure", lambda suite, *_: asked.append(suite))
    assert cli.main(["eval", "planner", "--pipeline", str(tmp_path), "--out", str(tmp_path)]) == 0
    assert asked[0].pipeline == tmp_path and asked[0].methods == (*planner.PlannerSuite.methods, "open")

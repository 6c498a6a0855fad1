import pytest

from controllers.errors import InvalidValue, MissingModel
from evaluation.published_judges import find_published

VIEWS = ("front", "left", "right")


def test_published_models_are_those_that_a_user_has(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert find_published(None, None, "", VIEWS, 64) == {}
    found = find_published(tmp_path, "http://there:1/v1", "mine", VIEWS, 32)
    assert sorted(found) == ["local", "served"]
    local, served = found["local"].judge, found["served"].judge
    assert local.model.config.folder == tmp_path and (local.views, local.size) == (VIEWS, 32)
    assert (served.config.url, served.config.model, served.size) == ("http://there:1/v1", "mine", 32)
    usual = find_published(None, "http://there:1/v1", "", VIEWS, 32)["served"].judge
    assert usual.config.model == "tanhuajie2001/Robo-Dopamine-GRM-3B"


def test_marks_tell_models_apart(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    first = find_published(tmp_path, "http://a/v1", "", VIEWS, 64)
    again = find_published(tmp_path, "http://a/v1", "", VIEWS, 64)
    assert all(first[name].mark == again[name].mark for name in first)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    other = find_published(tmp_path, "http://a/v1", "8B", VIEWS, 64)
    assert all(first[name].mark != other[name].mark for name in first)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingModel, match="there is no model in"):
        find_published(tmp_path, None, "", VIEWS, 64)
    with pytest.raises(InvalidValue, match="must begin with http"):
        find_published(None, "there", "", VIEWS, 64)
    with pytest.raises(InvalidValue, match="looks through 3 cameras, got 1"):
        find_published(None, "http://there", "", ("front",), 64)

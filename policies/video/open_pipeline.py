"""Pipelines of the library `diffusers`: which of them make a video of a picture and words, and how they are loaded."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controllers.errors import InvalidValue, MissingModel
from policies.open_weights import check_folder, check_whole, choose_place, first_line

INDEX = "model_index.json"
INSTALLATION = "pip install 'pronk[video]'"
# AnimateDiff with SparseCtrl calls the picture otherwise, and takes several, each with the number of its frame.
SPARSE = "conditioning_frames"
PICTURES = ("image", SPARSE)
NEEDED = ("prompt", "num_frames", "num_inference_steps", "generator", "output_type")


def load_pipeline(folder: Path, device: str, kind: str, variant: str = "") -> Any:
    """Load a pipeline that makes a video of a picture and words.

    Args:
        folder: Where it lies; only safetensors are read, never code.
        device: As for `policies.open_weights.check_place`.
        kind: Likewise.
        variant: Of the weights' files, such as "fp16"; empty for the plain ones.

    Returns:
        The pipeline.

    Raises:
        MissingModel: There is none in the folder, or a package is not installed.
        InvalidValue: It is not of the right kind, or not whole.
    """
    check_folder(folder, INDEX, "pipeline of a video model")
    try:
        import diffusers
    except ImportError as error:
        raise MissingModel(f"open video models need diffusers ({error}): {INSTALLATION}") from error
    index = _read_index(folder)
    # Told before gigabytes are read.
    check_pipeline(_class_of(folder, index, diffusers))
    place, numbers = choose_place(device, kind)
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=numbers,
            variant=variant or None,
            **_load_words(folder, index, numbers, variant),
        ).to(place)
    except InvalidValue:
        raise
    # The libraries raise whatever they like for files that are cut off or missing.
    except Exception as error:
        raise InvalidValue(f"'{folder}' holds no whole pipeline: {first_line(error)}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def check_pipeline(kind: type) -> tuple[str, Mapping[str, inspect.Parameter]]:
    """Refuse pipelines that do not make a video of a picture and words.

    Args:
        kind: Class of the pipeline.

    Returns:
        Name of the argument that takes the picture, and all arguments.

    Raises:
        InvalidValue: It is of another kind.
    """
    taken = inspect.signature(kind.__call__).parameters
    picture = next((name for name in PICTURES if name in taken), None)
    lacks = [name for name in NEEDED if name not in taken]
    lacks += ["image"] if picture is None else []
    if lacks:
        raise InvalidValue(
            f"{kind.__name__} does not make a video of a picture and words: it takes no {', '.join(lacks)}"
        )
    given = {*NEEDED, str(picture), "self", "height", "width"}
    open_ends = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    more = [n for n, p in taken.items() if p.default is p.empty and n not in given and p.kind not in open_ends]
    if more:
        raise InvalidValue(f"{kind.__name__} needs more than a picture and words: {', '.join(more)}")
    return str(picture), taken


def _read_index(folder: Path) -> Mapping[str, Any]:
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidValue(f"'{path}' cannot be read: {error}") from error
    if not isinstance(index, dict) or "_class_name" not in index:
        raise InvalidValue(f"'{path}' does not tell what pipeline it is of")
    return index


def _class_of(folder: Path, index: Mapping[str, Any], library: Any) -> type:
    name = index["_class_name"]
    found: type | None = getattr(library, name, None) if isinstance(name, str) else None
    if found is None:
        raise InvalidValue(
            f"'{folder}' is of the pipeline {name}, which diffusers {library.__version__} does not have; code beside "
            "weights is not run"
        )
    return found


def _load_words(folder: Path, index: Mapping[str, Any], kind: Any, variant: str) -> dict[str, Any]:
    """Load what is of `transformers`, such as the encoder of words: the pipeline does not see whether it is whole."""
    import transformers

    found: dict[str, Any] = {}
    for name, entry in index.items():
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] != "transformers" or not entry[1]:
            continue
        cls = getattr(transformers, entry[1], None)
        if not (isinstance(cls, type) and issubclass(cls, transformers.PreTrainedModel)):
            continue
        part = folder / name
        special = variant if variant and any(part.glob(f"*.{variant}.*")) else None
        how: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "dtype": kind, "variant": special}
        loaded: Any = cls.from_pretrained(str(part), **how, output_loading_info=True)
        found[name], told = loaded
        check_whole(part, told)
    return found

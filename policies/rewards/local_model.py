"""An open model of pictures and words in this process, read from a local folder with `transformers`.

Made for the published reward model (Robo-Dopamine: Qwen2.5-VL; its successors: Qwen3-VL), which `LocalJudge` asks. The
library's own processor of these models needs torchvision even where no video is shown, so pictures and words are put
together here: each picture takes as many places in the text as it has patches after merging.
"""

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, MissingModel
from policies.open_weights import AUTO, check_folder, check_place, check_whole, choose_place, first_line

Image = npt.NDArray[np.uint8]

INSTALLATION = "pip install 'pronk[learn]'"
TEMPLATES = ("chat_template.json", "processor_config.json")


@dataclass(frozen=True)
class LocalConfig:
    """Where a model lies, and how it is asked.

    Attributes:
        folder: What `save_pretrained` wrote, or a snapshot of a hub; only safetensors are read, never code.
        device: "cpu", "cuda", or "auto" for a graphics card where there is one.
        kind: Precision: "float32", "float16", "bfloat16", or "auto" for bfloat16 on a graphics card, else float32.
        tokens: Length of an answer at most.
        least_pixels: Area to which smaller pictures are enlarged [pixel]; published: 12544.
        most_pixels: Area to which larger pictures are reduced [pixel]; published: 76800.
    """

    folder: Path
    device: str = AUTO
    kind: str = AUTO
    tokens: int = 32
    least_pixels: int = 12_544
    most_pixels: int = 76_800

    def __post_init__(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            UnknownName: There is no such device or precision.
            InvalidValue: A number is out of range.
        """
        check_place(self.device, self.kind)
        if self.tokens < 1:
            raise InvalidValue(f"LocalConfig.tokens must be at least 1, got {self.tokens}")
        if not 1 <= self.least_pixels <= self.most_pixels:
            raise InvalidValue(
                "LocalConfig.least_pixels must be at least 1 and no more than most_pixels, got "
                f"{self.least_pixels} and {self.most_pixels}"
            )


class LocalModel:
    """Answers a prompt with pictures; the weights are loaded when the first question comes."""

    def __init__(self, config: LocalConfig) -> None:
        """Set up; the folder is looked at, nothing is loaded yet.

        Args:
            config: Which model.

        Raises:
            MissingModel: There is no model in the folder.
        """
        self.config = config
        check_folder(config.folder, "config.json", "model")
        self._parts: tuple[Any, Any, Any] | None = None

    def __call__(self, prompt: str, pictures: Sequence[Image]) -> str:
        """Ask once; the most likely word is taken each time, so the same question has the same answer.

        Args:
            prompt: The question.
            pictures: Shape (H, W, 3) each.

        Returns:
            The answer.

        Raises:
            MissingModel: A package is not installed.
            InvalidValue: The folder holds no whole model of this kind, or the prompt holds its control words.
        """
        model, tokenizer, _ = self.load()
        import torch

        inputs = self.inputs_of(prompt, pictures)
        begun = inputs["input_ids"].shape[1]
        with torch.no_grad():
            words = model.generate(**inputs)
        return str(tokenizer.decode(words[0, begun:].tolist(), skip_special_tokens=True))

    def inputs_of(self, prompt: str, pictures: Sequence[Image]) -> dict[str, Any]:
        """Put pictures and words together as the network takes them.

        Args:
            prompt: The question.
            pictures: Shape (H, W, 3) each.

        Returns:
            Tensors by the name of the network's argument.

        Raises:
            MissingModel: A package is not installed.
            InvalidValue: The folder holds no whole model of this kind, or the prompt holds its control words.
        """
        model, tokenizer, eye = self.load()
        # Someone who may write instructions could else pretend to have shown a picture, or to be the answer.
        for word in (*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()):
            if word in prompt:
                raise InvalidValue(f"a prompt must not hold the control words of the model, got '{word}'")
        size = {"shortest_edge": self.config.least_pixels, "longest_edge": self.config.most_pixels}
        seen = eye(images=[np.asarray(picture) for picture in pictures], size=size, return_tensors="pt")
        content = [*({"type": "image"} for _ in pictures), {"type": "text", "text": prompt}]
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=_template(tokenizer, self.config.folder),
            add_generation_prompt=True,
            tokenize=False,
        )
        mark = tokenizer.convert_ids_to_tokens(model.config.image_token_id)
        parts = text.split(mark)
        if len(parts) != len(pictures) + 1:
            raise InvalidValue(
                f"the chat template in '{self.config.folder}' shows {len(parts) - 1} pictures of {len(pictures)}"
            )
        places = seen["image_grid_thw"].prod(dim=1) // eye.merge_size**2
        text = parts[0] + "".join(mark * int(n) + part for n, part in zip(places, parts[1:], strict=True))
        inputs = dict(tokenizer(text, add_special_tokens=False, return_tensors="pt"))
        kept = ("input_ids", "attention_mask")
        inputs = {name: inputs[name] for name in kept} | {
            "pixel_values": seen["pixel_values"],
            "image_grid_thw": seen["image_grid_thw"],
        }
        # Newer releases lay pictures out in two dimensions only where they are told what is a picture.
        if "mm_token_type_ids" in inspect.signature(model.forward).parameters:
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == model.config.image_token_id).int()
        return {name: tensor.to(model.device) for name, tensor in inputs.items()}

    def load(self) -> tuple[Any, Any, Any]:
        """Load the weights, unless that has been done: a question does it too, but later.

        Returns:
            Model, tokenizer and image processor.

        Raises:
            MissingModel: A package is not installed.
            InvalidValue: The folder holds no whole model of this kind.
        """
        if self._parts is None:
            self._parts = _load_parts(self.config)
        return self._parts


def _load_parts(config: LocalConfig) -> tuple[Any, Any, Any]:
    try:
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer, GenerationConfig
    except ImportError as error:
        raise MissingModel(f"a local model needs torch and transformers ({error}): {INSTALLATION}") from error
    folder = str(config.folder)
    device, kind = choose_place(config.device, config.kind)
    try:
        # The libraries would ask at the terminal whether they may run code that lies beside the weights.
        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
        eye = AutoImageProcessor.from_pretrained(folder, **safe)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            folder, **safe, use_safetensors=True, dtype=kind, output_loading_info=True
        )
    # The libraries raise whatever they like for files that are cut off or of another kind.
    except Exception as error:
        raise InvalidValue(f"'{folder}' holds no whole model of pictures and words: {first_line(error)}") from error
    model, found = loaded
    check_whole(config.folder, found)
    if not hasattr(eye, "merge_size") or getattr(model.config, "image_token_id", None) is None:
        raise InvalidValue(f"'{folder}' holds a {type(model).__name__}, which is not of the family of Qwen2-VL")
    ends = model.generation_config.eos_token_id
    ends = tokenizer.eos_token_id if ends is None else ends
    # A single question is never padded; the library only wants to know.
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    model.generation_config = GenerationConfig(
        max_new_tokens=config.tokens, do_sample=False, eos_token_id=ends, pad_token_id=pad
    )
    return model.to(device).eval(), tokenizer, eye


def _template(tokenizer: Any, folder: Path) -> str | None:
    """Find the chat template: with the tokenizer as a rule, in a file of its own in older folders."""
    if tokenizer.chat_template is not None:
        return None
    for name in TEMPLATES:
        path = folder / name
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8")).get("chat_template")
            if isinstance(found, str):
                return found
    raise InvalidValue(f"'{folder}' holds no chat template, without which nobody knows how to ask the model")

"""The published reward model behind the same protocol as all judges, asked over HTTP.

Its weights (3 billion parameters and more) run in any server that speaks the chat protocol of OpenAI, such as vLLM.
"""

import base64
import io
import json
import math
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image as Pillow

from controllers.errors import InvalidValue
from policies.rewards.asked_judge import SUCCESS, VIEWS, AskedJudge
from policies.rewards.fusion import FusionConfig
from policies.rewards.judge import Image

SERVED = "served"


@dataclass(frozen=True)
class ServerConfig:
    """Where the model is served, and how it is asked.

    Attributes:
        url: Address up to and including the version, such as "http://localhost:8000/v1".
        model: Name under which it is served.
        timeout_s: Time for one answer.
        tries: Answers that are waited for before giving up.
        temperature: Of sampling; published: 0.1.
        tokens: Length of an answer at most.
        success: Progress from which on the task counts as done. The model has no detector of its own: published is its
            own progress with 0.95.
    """

    url: str = "http://localhost:8000/v1"
    model: str = "tanhuajie2001/Robo-Dopamine-GRM-3B"
    timeout_s: float = 30.0
    tries: int = 2
    temperature: float = 0.1
    tokens: int = 32
    success: float = SUCCESS

    def __post_init__(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            InvalidValue: A setting is out of range.
        """
        if not self.url.startswith(("http://", "https://")):
            raise InvalidValue(f"ServerConfig.url must begin with http:// or https://, got '{self.url}'")
        if not self.model:
            raise InvalidValue("ServerConfig.model must not be empty")
        for name, least in (("tries", 1), ("tokens", 1)):
            if getattr(self, name) < least:
                raise InvalidValue(f"ServerConfig.{name} must be at least {least}, got {getattr(self, name)}")
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0.0):
            raise InvalidValue(f"ServerConfig.timeout_s must be finite and positive, got {self.timeout_s}")
        if not 0.0 <= self.temperature <= 2.0:
            raise InvalidValue(f"ServerConfig.temperature must lie in [0, 2], got {self.temperature}")
        if not 0.0 < self.success < 1.0:
            raise InvalidValue(f"ServerConfig.success must lie in (0, 1), got {self.success}")


def server_config(url: str = "", model: str = "") -> ServerConfig:
    """Tell where the model is served.

    Args:
        url: Its address; empty for the usual one.
        model: Its name there; empty for the published one.

    Returns:
        The settings.

    Raises:
        InvalidValue: The address is none.
    """
    usual = ServerConfig()
    return ServerConfig(url or usual.url, model or usual.model)


def ask_server(config: ServerConfig, prompt: str, pictures: Sequence[Image]) -> str:
    """Ask once.

    Args:
        config: Where.
        prompt: The question.
        pictures: Shape (H, W, 3) each.

    Returns:
        The answer.

    Raises:
        InvalidValue: The server cannot be reached, refuses, or answers something else than the protocol says.
    """
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + _png(picture)}} for picture in pictures
    ]
    content.append({"type": "text", "text": prompt})
    body = {
        "model": config.model,
        "messages": [{"role": "user", "content": content}],
        "temperature": config.temperature,
        "max_tokens": config.tokens,
    }
    request = urllib.request.Request(
        config.url.rstrip("/") + "/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=config.timeout_s) as response:
            answer = json.loads(response.read())
        text = answer["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        detail = error.read()[:200].decode(errors="replace")
        raise InvalidValue(f"the server at {config.url} refuses ({error.code}): {detail}") from error
    except (OSError, TimeoutError) as error:
        raise InvalidValue(f"the server at {config.url} cannot be asked: {error}") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InvalidValue(f"the server at {config.url} does not speak the chat protocol: {error!r}") from error
    if not isinstance(text, str):
        raise InvalidValue(f"the server at {config.url} answers without a text")
    return text


def _png(picture: Image) -> str:
    stream = io.BytesIO()
    Pillow.fromarray(picture).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


class ServedJudge(AskedJudge):
    """Judges by a served model; a `policies.rewards.judge.Judge`."""

    def __init__(
        self,
        config: ServerConfig | None = None,
        views: tuple[str, ...] = VIEWS,
        size: int = 64,
        fusion: FusionConfig | None = None,
        ask: Callable[[str, Sequence[Image]], str] | None = None,
    ) -> None:
        """Set up.

        Args:
            config: Where the model is served.
            views: Three cameras; the first one also shows start and goal.
            size: Width and height of their pictures [pixel].
            fusion: How the three sides become one; published: their mean.
            ask: Answers a prompt with pictures; None asks the server.

        Raises:
            InvalidValue: There are not three cameras.
        """
        self.config = chosen = config or ServerConfig()
        answer = ask or (lambda prompt, pictures: ask_server(chosen, prompt, pictures))
        super().__init__(answer, views, size, fusion, chosen.success, chosen.tries)

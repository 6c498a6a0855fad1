import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from controllers.errors import InvalidValue
from policies.rewards.asked_judge import UnreadableAnswer, parse_score
from policies.rewards.served_judge import ServedJudge, ServerConfig

VIEWS = ("front", "left", "right")


def moment(level, size=16):
    """Pictures whose mean tells the progress: a grey level on a pattern."""
    pattern = np.random.default_rng(0).integers(-20, 21, (size, size, 3))
    return {view: (50 + 100 * level + pattern).astype(np.uint8) for view in VIEWS}


def clip(levels):
    return {view: np.stack([moment(level)[view] for level in levels]) for view in VIEWS}


class Stub(BaseHTTPRequestHandler):
    """Reads progress out of the grey levels of the pictures, like a perfect model."""

    answers: ClassVar[list] = []
    seen: ClassVar[list] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = body["messages"][0]["content"]
        coded = [part["image_url"]["url"].partition(",")[2] for part in content if part["type"] == "image_url"]
        pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in coded]
        self.seen.append((self.path, body, pictures))
        if self.answers:
            status, text = self.answers.pop(0)
        else:
            p, q = (np.clip((picture.mean() - 50.0) / 100.0, 0.0, 1.0) for picture in (pictures[2], pictures[5]))
            hop = (q - p) / (1.0 - p) if q >= p and p < 1.0 else (q - p) / max(p, 1e-9)
            status, text = 200, json.dumps({"choices": [{"message": {"content": f"<score>{100 * hop:+.0f}%</score>"}}]})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Stub.answers, Stub.seen = [], []
    served = HTTPServer(("127.0.0.1", 0), Stub)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield ServerConfig(f"http://127.0.0.1:{served.server_port}/v1", timeout_s=20.0)
    served.shutdown()
    served.server_close()


@pytest.mark.parametrize(
    ("answer", "hop"),
    [
        ("<score>+15%</score>", 0.15),
        ("<score>-7.5%</score>", -0.075),
        ("<score> 0 </score>", 0.0),
        ("<SCORE>\u221240 %</SCORE>", -0.4),
        ("First <score>+90%</score>? No: <score>+3,5%</score>\n", 0.035),
        ("<score>+ 100%</score>", 1.0),
    ],
)
def test_scores_are_read_as_they_are_written(answer, hop):
    assert parse_score(answer) == pytest.approx(hop)


@pytest.mark.parametrize("answer", ["", "+15%", "<score>fifteen</score>", "<score>15%", "<score>nan</score>"])
def test_an_answer_without_a_score_is_refused(answer):
    with pytest.raises(UnreadableAnswer, match="the answer holds no score"):
        parse_score(answer)


def test_a_score_beyond_the_whole_is_refused():
    with pytest.raises(UnreadableAnswer, match=r"must lie in \[-100, 100\] %, got 101"):
        parse_score("<score>101%</score>")


def test_progress_of_a_perfect_model_is_the_truth(server):
    levels = [0.0, 0.3, 0.6, 0.4, 1.0]
    told = ServedJudge(server, VIEWS, 16).episode(clip(levels), "go there.", moment(1.0), moment(0.0))
    assert told.progress == pytest.approx(levels, abs=0.02)
    assert told.success.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0] and (told.confidence == 1.0).all()
    # Three questions per state but the first, eight pictures each: start, goal, three before, three after.
    assert len(Stub.seen) == 3 * 4
    path, body, pictures = Stub.seen[0]
    assert path == "/v1/chat/completions" and body["model"] == server.model and len(pictures) == 8
    shown = [0.0, 1.0, 0.0, 0.0, 0.0, 0.3, 0.3, 0.3]
    assert all(np.array_equal(p, moment(level)["front"]) for p, level in zip(pictures, shown, strict=True))
    assert "task: go there.\n" in body["messages"][0]["content"][-1]["text"]


def test_an_unreadable_answer_is_asked_for_again(server):
    judge = ServedJudge(server, VIEWS, 16)
    judge.begin(moment(0.0), "go", moment(1.0))
    Stub.answers = [(200, json.dumps({"choices": [{"message": {"content": "I cannot tell."}}]}))]
    told = judge.step(moment(0.5))
    assert len(Stub.seen) == 4 and told.progress == pytest.approx(0.5, abs=0.02) and told.confidence == 1.0


def test_where_no_answer_can_be_read_progress_stays_and_confidence_goes(server):
    judge = ServedJudge(server, VIEWS, 16)
    judge.begin(moment(0.0), "go", moment(1.0))
    before = judge.step(moment(0.5))
    Stub.answers = [(200, json.dumps({"choices": [{"message": {"content": "?"}}]}))] * 6
    told = judge.step(moment(0.9))
    assert told.progress == before.progress and told.confidence == 0.0


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (404, "no such model", r"refuses \(404\): no such model"),
        (200, "not json", "does not speak the chat protocol"),
        (200, '{"choices": []}', "does not speak the chat protocol"),
        (200, '{"choices": [{"message": {"content": null}}]}', "answers without a text"),
    ],
)
def test_a_server_that_is_none_is_named(server, status, text, message):
    judge = ServedJudge(server, VIEWS, 16)
    judge.begin(moment(0.0), "go", moment(1.0))
    Stub.answers = [(status, text)]
    with pytest.raises(InvalidValue, match=message):
        judge.step(moment(0.5))


def test_a_server_that_is_not_there_is_named():
    judge = ServedJudge(ServerConfig("http://127.0.0.1:9/v1", timeout_s=5.0), VIEWS, 16)
    judge.begin(moment(0.0), "go", moment(1.0))
    with pytest.raises(InvalidValue, match=r"http://127\.0\.0\.1:9/v1 cannot be asked"):
        judge.step(moment(0.5))


def test_what_the_model_cannot_do_without_is_asked_for():
    judge = ServedJudge(ServerConfig(), VIEWS, 16)
    with pytest.raises(InvalidValue, match="needs pictures of the goal, got none"):
        judge.begin(moment(0.0), "go")
    with pytest.raises(InvalidValue, match="needs an instruction, got an empty one"):
        judge.begin(moment(0.0), " ", moment(1.0))
    with pytest.raises(InvalidValue, match="looks through 3 cameras, got 1"):
        ServedJudge(ServerConfig(), ("front",))
    with pytest.raises(InvalidValue, match="must begin with http:// or https://, got 'localhost'"):
        ServerConfig("localhost")

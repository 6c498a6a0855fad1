"""The video model of a floor seen from above."""

import math
from dataclasses import replace

import numpy as np
import pytest
from recorded_episodes import wandering

from controllers.errors import InvalidValue, MissingModel
from policies.text import SentenceEncoder
from policies.video.clips import ClipBatch

torch = pytest.importorskip("torch", reason="torch is not installed")

from policies.video import floor_training  # noqa: E402
from policies.video.fitting import FitConfig  # noqa: E402
from policies.video.floor_model import FRAMES, FloorModel, filled, shifted  # noqa: E402
from policies.video.floor_network import FloorNetwork, FloorNetworkConfig  # noqa: E402
from policies.video.floor_training import BEST, FloorTraining, FloorTrainingConfig, changes  # noqa: E402
from policies.video.floor_ways import cheapest_way, middle_of, near, peaks_of, smoothed, widest  # noqa: E402
from policies.video.named_looks import NamedLooks, names_among, to_lab  # noqa: E402

SIZE = 32
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
WORDS = {name: np.eye(384, dtype=np.float32)[i] for i, name in enumerate(COLOURS)}
GREY, BLACK = 150, 20


@pytest.fixture(autouse=True)
def known_words(monkeypatch):
    """Sentences that need no encoder."""
    monkeypatch.setattr(floor_training, "SentenceEncoder", lambda known=None: SentenceEncoder(WORDS))


def floor(places, mover):
    """A grey floor with a square of each colour, and a black one that moves."""
    picture = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    for name, (row, column) in places.items():
        picture[row : row + 4, column : column + 4] = COLOURS[name]
    row, column = np.clip(np.round(mover), 0, SIZE - 4).astype(int)
    picture[row : row + 4, column : column + 4] = BLACK
    return picture


def told(count):
    """Episodes in which the black square goes straight to that of the colour that was named."""
    episodes = []
    for seed, base in enumerate(wandering(count, size=SIZE, steps=8)):
        rng = np.random.default_rng(seed)
        cells = rng.permutation(16)[:4]
        places = {n: (8 * (c // 4) + 2, 8 * (c % 4) + 2) for n, c in zip(COLOURS, cells[:3].tolist(), strict=True)}
        start, goal = 8 * np.array(divmod(int(cells[3]), 4)) + 2, list(COLOURS)[seed % 3]
        way = [start + (np.array(places[goal]) - start) * min(k / 6.0, 1.0) for k in range(9)]
        images = np.stack([floor(places, at) for at in way])
        episodes.append(replace(base, info=replace(base.info, instruction=goal, task=goal), images={"top": images}))
    return episodes


def config(steps=400):
    fit = FitConfig(steps=steps, batch=24, every=steps, average=20, rate=1e-2, warmup=20)
    return FloorTrainingConfig(
        fit, FloorNetworkConfig(SIZE, 12, 8), frames=4, stride=2, silent_share=0.2, held_out=7, steps_per_frame=2
    )


class Scripted(FloorModel):
    """A model whose network sees what the test says."""

    def __init__(self, goal, mover, free=None, pace=4.0):
        super().__init__(FloorNetwork(FloorNetworkConfig(SIZE, 4, 4)), 3, {"go": WORDS["red"]}, pace)
        self.seen = goal, mover, np.full_like(goal, 0.1) if free is None else free

    def look(self, images, text):
        return tuple(np.repeat(x[None], len(images), axis=0) for x in self.seen)


def blob(row, column):
    """Chances that are certain on 2 x 2 cells."""
    chances = np.zeros((SIZE // 2, SIZE // 2))
    chances[row : row + 2, column : column + 2] = 1.0
    return chances


def imagined(model, picture):
    return model.imagine(picture[None], ["go"], [np.random.default_rng(0)])[0]


def dark_middle(picture):
    """Middle of what is dark, row and column [pixel]."""
    rows, columns = np.nonzero(picture.max(axis=2) < 0.5 * (GREY + BLACK))
    return np.array([rows.mean(), columns.mean()])


def test_what_moves_goes_to_where_it_is_sent_at_its_pace_and_stays_there():
    picture = floor({}, (4, 4))
    frames = imagined(Scripted(blob(2, 10), blob(2, 2)), picture)
    assert frames.shape == (FRAMES, SIZE, SIZE, 3) and frames.dtype == np.uint8
    places = np.array([dark_middle(frame) for frame in frames])
    # From the middle of pixels 4 to 7 it goes 4 pixels a frame to the right, 16 in all.
    assert places[:4] == pytest.approx(np.array([[5.5, 9.5], [5.5, 13.5], [5.5, 17.5], [5.5, 21.5]]), abs=0.3)
    assert places[4:] == pytest.approx(np.tile([5.5, 21.5], (4, 1)), abs=0.3)
    # Where it was there is floor now.
    assert np.abs(frames[-1][4:8, 4:8].astype(int) - GREY).max() <= 1


def test_a_way_leads_around_what_nothing_ever_passes():
    free = np.full((SIZE // 2, SIZE // 2), 0.1)
    free[0:5, 6] = 1e-5
    frames = imagined(Scripted(blob(2, 10), blob(2, 2), free, pace=6.0), floor({}, (4, 4)))
    lowest = max(dark_middle(frame)[0] for frame in frames)
    # Below row 4 of the cells there is a gap, and what moves keeps half its length clear of the end of the wall.
    assert lowest > 12.5 and dark_middle(frames[-1]) == pytest.approx([5.5, 21.5], abs=0.3)


@pytest.mark.parametrize(("goal", "mover"), [(np.zeros((16, 16)), blob(2, 2)), (blob(2, 10), np.zeros((16, 16)))])
def test_where_nothing_moves_or_is_sent_anywhere_nothing_changes(goal, mover):
    picture = floor({"red": (20, 20)}, (4, 4))
    assert (imagined(Scripted(goal, mover), picture) == picture).all()


def test_who_has_arrived_is_sent_nowhere():
    picture = floor({}, (4, 4))
    assert (imagined(Scripted(blob(2, 2), blob(2, 2)), picture) == picture).all()


class Named(Scripted):
    """Knows ten colours by name and looks; words for others lie between."""

    def __init__(self, goal, things):
        super().__init__(goal, blob(2, 2))
        rng = np.random.default_rng(5)
        vectors, looks = {}, {}
        for i in range(10):
            vectors[f"go to x{'abcdefghij'[i]}"] = np.concatenate([[8.0], np.eye(383)[i]]).astype(np.float32)
            looks[f"go to x{'abcdefghij'[i]}"] = to_lab(rng.uniform(0.0, 255.0, 3))
        vectors |= {"go": WORDS["red"]}
        self.trained = {text: v / np.linalg.norm(v) for text, v in vectors.items()}
        self.looks = NamedLooks(self.trained, looks)
        # As sure as if words were no matter of guessing.
        self.looks.spread = np.full(3, 5.0)
        self._names = names_among(list(self.trained))
        # Nearly what "xa" means, and something that is like nothing.
        self._encoder = SentenceEncoder(
            {**self.trained, "seek zz": self.trained["go to xa"], "cook": np.eye(384, dtype=np.float32)[383]}
        )
        self.where = things

    def things(self, image):
        return self.where


def test_words_that_name_nothing_known_are_sent_to_what_looks_like_them():
    one, other = blob(2, 10), blob(12, 4)
    model = Named(other, np.maximum(one, other))
    # What "xa" looks like, at the first place; grey at the second one, where the network would go.
    picture = floor({}, (4, 4))
    colours = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    wanted = model.looks.guess(model.trained["go to xa"])
    picture[4:8, 20:24] = colours[np.linalg.norm(to_lab(colours) - wanted, axis=1).argmin()]

    def end(instruction):
        return dark_middle(model.imagine(picture[None], [instruction], [np.random.default_rng(0)])[0][-1])

    assert end("seek zz") == pytest.approx([5.5, 21.5], abs=0.5)
    # With a name that it knows, the network tells; and what is like nothing it knows sends it nowhere.
    assert end("go to xa") == pytest.approx([25.5, 9.5], abs=0.5)
    assert end("cook") == pytest.approx([5.5, 5.5], abs=0.5)
    left, sure = model.left(picture, "seek zz")
    assert left == pytest.approx(16.0, abs=1.0) and 0.5 < sure <= 1.0


def test_bare_floor_is_no_thing():
    model = Named(np.zeros((16, 16)), blob(2, 10))
    assert model.left(floor({}, (4, 4)), "seek zz") == (None, 0.0)


def test_peaks_are_found_once_each_the_likeliest_first():
    chances = 0.9 * blob(2, 2) + 0.5 * blob(10, 10)
    assert peaks_of(chances, 0.4, 2) == [(2.5, 2.5), (10.5, 10.5)]
    assert peaks_of(chances, 0.6, 2) == [(2.5, 2.5)] and peaks_of(chances, 0.95, 2) == []


def test_looks_are_kept_in_the_file(tmp_path):
    model = Named(blob(2, 10), blob(2, 10))
    model.save(tmp_path / "file")
    again = FloorModel.load(tmp_path / "file")
    text = "go to xd"
    assert again.looks.guess(model.trained[text]) == pytest.approx(model.looks.guess(model.trained[text]), abs=0.2)


def test_it_learns_from_videos_what_moves_and_where_words_send_it(tmp_path, monkeypatch):
    episodes = told(120)
    monkeypatch.setattr(floor_training, "LEAST_LOOKS", 3)
    training = FloorTraining(episodes, "top", config(), tmp_path)
    list(training.run())
    model = FloorModel.load(tmp_path / BEST)
    # It has seen what the words name.
    for name, colour in COLOURS.items():
        assert model.looks.looks[name] == pytest.approx(to_lab(colour), abs=15.0), name
    # Held-out episodes show two steps of a sixth of the way each.
    assert 1.0 <= model.pace < 10.0 and model.steps_per_frame == 2
    model.pace = 4.0
    places, start = {"red": (2, 26), "blue": (26, 26), "green": (26, 2)}, (2, 2)
    picture = floor(places, start)
    for name, place in places.items():
        frames = model.imagine(picture[None], [name], [np.random.default_rng(0)])[0]
        assert dark_middle(frames[-1]) == pytest.approx(np.array(place) + 1.5, abs=3.0), name
    assert model.familiarity("red") == pytest.approx(1.0, abs=1e-3)


def test_a_training_goes_on_from_a_model_and_can_prefer_what_was_demonstrated(tmp_path):
    torch.manual_seed(3)
    start = FloorModel(FloorNetwork(FloorNetworkConfig(SIZE, 6, 4)), 3, {"old": WORDS["red"]})
    episodes = told(14)
    shown = [replace(e, info=replace(e.info, world="arena", task="blue-box")) for e in episodes[:2]]
    half = replace(config(2), demonstrated=0.999)
    training = FloorTraining([*shown, *episodes[2:]], "top", half, tmp_path, start=start)
    assert training.model.network.config == start.network.config and "old" in training.model.trained
    for mine, theirs in zip(training.model.network.parameters(), start.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    # Nearly all clips are of the first two episodes, and their words are those that are learned from.
    drawn = training._clips.draw(50, np.random.default_rng(0), among=training._shown)
    assert set(drawn.episode.tolist()) == {0, 1} and training._shown.tolist() == [0, 1]
    assert len(list(training.run())) == 1


def test_novel_tasks_are_refused(tmp_path):
    episodes = told(7)
    info = replace(episodes[0].info, world="arena", task="orange-box")
    with pytest.raises(InvalidValue, match="'orange-box' is a novel task"):
        FloorTraining([replace(episodes[0], info=info), *episodes[1:]], "top", config(), tmp_path)


def test_files_are_found_whole_or_refused(tmp_path):
    with pytest.raises(MissingModel, match="pronk train video --data"):
        FloorModel.load(tmp_path / "none.safetensors")
    torch.manual_seed(0)
    model = FloorModel(FloorNetwork(FloorNetworkConfig(SIZE, 4, 4)), 3, WORDS, 5.25)
    model.save(tmp_path / "model.safetensors", {"command": "by hand"})
    again = FloorModel.load(tmp_path / "model.safetensors")
    assert (again.pace, again.steps_per_frame, again.size, set(again.trained)) == (5.25, 3, SIZE, set(WORDS))
    from policies.video.flow_model import FlowModel

    with pytest.raises(InvalidValue, match="holds no video model"):
        FlowModel.load(tmp_path / "model.safetensors")
    for given, message in (({"pace": math.nan}, "pace of a floor must be"), ({"steps_per_frame": 0}, "at least 1")):
        with pytest.raises(InvalidValue, match=message):
            FloorModel(model.network, **{"steps_per_frame": 3, "trained": {}, **given})


def test_cells_change_where_their_mean_colour_does():
    frames = np.full((1, 3, 4, 4, 3), 100.0, np.float32)
    ending = frames[:, 0].copy()
    # One pixel of four by 100 of 255 is a tenth of the cell; by 60 it is less than what counts.
    frames[0, 1, 0, 0], ending[0, 2, 2], ending[0, 0, 3] = 200.0, 200.0, 160.0
    done, passed = changes(ClipBatch(frames, np.zeros(1, np.int64), ending))
    assert done[0].tolist() == [[0.0, 0.0], [0.0, 1.0]] and passed[0].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_shift_by_parts_of_pixels_shares_them_out():
    picture = np.zeros((5, 5, 1))
    picture[2, 2] = 8.0
    assert shifted(picture, 1.0, -2.0)[3, 0] == 8.0
    half = shifted(picture, 0.5, 0.25)[..., 0]
    assert half[2:4, 2:4].tolist() == [[3.0, 1.0], [3.0, 1.0]] and half.sum() == 8.0
    assert shifted(picture, 9.0, 0.0).sum() == 0.0


def test_a_hole_is_filled_from_its_edge():
    picture = np.tile(np.arange(6.0)[None, :, None], (6, 1, 3))
    hole = np.zeros((6, 6), bool)
    hole[2, 2] = True
    assert filled(np.where(hole[..., None], 99.0, picture), hole) == pytest.approx(picture)
    hole[1:5, 1:5] = True
    flat = filled(np.where(hole[..., None], 99.0, 7.0 + 0.0 * picture), hole)
    assert flat == pytest.approx(np.full((6, 6, 3), 7.0))


def test_the_cheapest_way_is_the_straight_one_or_goes_through_the_gap():
    cost = np.ones((9, 9))
    way = cheapest_way(cost, (1.25, 1.0), (1.25, 6.75))
    assert way[0].tolist() == [1.25, 1.0] and way[-1].tolist() == [1.25, 6.75]
    assert len(way) == 7 and way[:, 0] == pytest.approx(np.full(7, 1.25))
    cost[:, 4], cost[7, 4] = 100.0, 1.0
    assert [7.0, 4.0] in cheapest_way(cost, (1.0, 1.0), (1.0, 7.0)).tolist()
    assert cheapest_way(cost, (1.0, 1.0), (1.25, 1.0)).tolist() == [[1.0, 1.0], [1.25, 1.0]]


def test_small_parts():
    assert middle_of(blob(2, 4), 0.5, 2) == (2.5, 4.5) and middle_of(0.4 * blob(2, 4), 0.5, 2) is None
    assert widest(blob(2, 4), 1)[1:5, 3:7].tolist() == np.ones((4, 4)).tolist()
    assert widest(blob(2, 4), 1).sum() == 16.0
    mask = np.zeros((4, 4), bool)
    mask[0, 0] = True
    assert near(mask).sum() == 4
    bent = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
    assert smoothed(bent, 1).tolist() == [[0.0, 0.0], [1.5, 0.5], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FloorNetworkConfig(size=31), "FloorNetworkConfig.size must be even and at least 8, got 31"),
        (lambda: FloorNetworkConfig(channels=0), "FloorNetworkConfig.channels must be at least 1, got 0"),
        (lambda: FloorTrainingConfig(stride=0), "FloorTrainingConfig.stride must be at least 1, got 0"),
        (lambda: FloorTrainingConfig(tint=1.0), r"FloorTrainingConfig.tint must lie in \[0, 1\), got 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(call, message):
    with pytest.raises(InvalidValue, match=message):
        call()

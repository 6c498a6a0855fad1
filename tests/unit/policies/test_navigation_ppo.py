import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
pytest.importorskip("torch_geometric", reason="torch-geometric (extra 'learn') is not installed")
import torch

from controllers.errors import InvalidValue
from policies.checkpoints import load_arrays
from policies.navigation import ppo_training, training
from policies.navigation.curriculum import FIRST_SEED
from policies.navigation.experience import Exploring, Recorder
from policies.navigation.navigator import VARIANTS
from policies.navigation.network import Network, initial
from policies.navigation.ppo import Ppo, PpoConfig, Rows
from policies.navigation.ppo_training import PpoTraining, PpoTrainingConfig
from policies.navigation.rollout import measure
from policies.navigation.training import BEST, HISTORY, SIZES, STATE
from sim.navigation_scenes import scene_maker

SMALL = PpoConfig(copies=2, batch=256, hold=1)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def small(monkeypatch):
    """Trainings whose scenes hold two robots."""
    make = scene_maker("random_2")
    monkeypatch.setattr(ppo_training, "training_scenes", lambda seed, generation: [make(FIRST_SEED + generation)])
    monkeypatch.setattr(training, "validation_scenes", lambda: [make(FIRST_SEED)])


def collect(search, variant="pronk", seed=0, scenes=2):
    network = Exploring(search.parameters(), search.deviation(), np.random.default_rng(seed))
    made = [scene_maker("random_4")(FIRST_SEED + i) for i in range(scenes)]
    recorder = Recorder(VARIANTS[variant](network), network, made)
    return recorder.experience(measure(made, recorder))


def normal(x, mean, deviation):
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation * np.sqrt(2.0 * np.pi))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_probability_of_a_robots_answers_is_the_product_of_their_densities(variant):
    search = Ppo(PpoConfig(deviation=0.2), initial(SIZES[variant], 1), 0)
    found = collect(search, variant)
    chosen = np.array([5, 0, 17])
    got = search.log_probability(Rows.of(found, chosen)).detach().numpy()
    # The last layers are zero: every mean is zero.
    for place, row in enumerate(chosen):
        edges = slice(found.first[row], found.first[row + 1])
        expected = normal(found.answers_node[row], 0.0, 0.2).sum()
        said = found.answers_edge[edges]
        covariance = 0.2**2 * (np.eye(len(said)) + np.ones((len(said), len(said))))
        expected += sum(multivariate_normal(cov=covariance).logpdf(answer) for answer in said.T) if len(said) else 0.0
        if variant == "pronk":
            expected += normal(found.answers_share[edges], 0.0, 0.2)[found.shared[edges]].sum()
        assert got[place] == pytest.approx(expected, abs=1e-3)


def test_means_are_those_of_the_compiled_network():
    rng = np.random.default_rng(0)
    parameters = {k: v + 0.3 * rng.standard_normal(v.shape) for k, v in initial(SIZES["pronk"], 1).items()}
    search = Ppo(PpoConfig(deviation=1e-4), parameters, 0)
    found = collect(search)
    rows = Rows.of(found, np.arange(len(found.robot)))
    node, edge, share = search.policy(rows.node, rows.edge, rows.receiver, rows.pair, rows.reverse)
    # What was answered by the compiled network is within the noise of what the model in torch means.
    for answer, mean in zip(rows.answers, (node, edge, share), strict=True):
        assert float((answer - mean).detach().abs().max()) < 1e-3


def test_rewarded_answers_become_more_probable_and_others_less():
    search = Ppo(replace(SMALL, epochs=8, rate=1e-2, drift=10.0), initial(SIZES["pronk"], 1), 0)
    found = collect(search)
    # Turning left pays, in this made-up world, at once and nothing else does.
    paid = found.answers_node[:, 0].astype(np.float64)
    made_up = replace(found, reward=paid, team=paid, robot=np.arange(len(paid)))
    search.update(made_up, 1.0, np.random.default_rng(0))
    rows = Rows.of(found, np.arange(len(paid)))
    node = search.policy(rows.node, rows.edge, rows.receiver, rows.pair, rows.reverse)[0].detach().numpy()
    assert node[:, 0].mean() > 0.05 and np.abs(node[:, 1:].mean(axis=0)).max() < 0.5 * node[:, 0].mean()


def test_the_critic_learns_what_returns_are():
    config = replace(SMALL, epochs=40, rate=1e-2, drift=1e9, discount=0.0, trace=0.0)
    search = Ppo(config, initial(SIZES["pronk"], 1), 0)
    found = collect(search)
    told = found.outlook[:, 0].astype(np.float64)
    made_up = replace(found, reward=10.0 * told, team=10.0 * told)
    assert search.update(made_up, 1.0, np.random.default_rng(0)).explained < 0.2
    assert search.update(made_up, 1.0, np.random.default_rng(1)).explained > 0.9


def test_a_policy_that_drifts_too_far_stops_for_the_generation():
    found = collect(Ppo(SMALL, initial(SIZES["pronk"], 1), 0))
    steps = []
    for drift in (1e-6, 1e9):
        search = Ppo(replace(SMALL, rate=1e-2, drift=drift), initial(SIZES["pronk"], 1), 0)
        steps.append(search.update(found, 1.0, np.random.default_rng(0)).steps)
    assert steps[1] == 4 * steps[0]


def test_a_loss_that_is_not_a_number_is_refused():
    search = Ppo(SMALL, initial(SIZES["pronk"], 1), 0)
    found = collect(search)
    broken = replace(found, node=np.full_like(found.node, np.nan))
    with pytest.raises(InvalidValue, match="the loss of the navigation policy is nan after 0 steps"):
        search.update(broken, 1.0, np.random.default_rng(0))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(small, tmp_path, variant):
    config = PpoTrainingConfig(variant, budget=3, every=1, ppo=SMALL)
    whole = [progress.cost for progress in PpoTraining(config, tmp_path / "whole").run()]
    first = PpoTraining(config, tmp_path / "parts").run()
    parts = [next(first).cost, next(first).cost]
    parts += [progress.cost for progress in PpoTraining(config, tmp_path / "parts").run()]
    assert parts == pytest.approx(whole, nan_ok=True) and len(parts) == 4
    arrays = [load_arrays(tmp_path / name / STATE)[0] for name in ("whole", "parts")]
    assert all(np.array_equal(arrays[0][key], arrays[1][key]) for key in arrays[0])
    history = [json.loads(line) for line in (tmp_path / "parts" / HISTORY).read_text().splitlines()]
    assert [row["generation"] for row in history] == [0, 1, 2, 3]
    assert history[0]["agent_steps"] == 0 and history[3]["agent_steps"] > history[2]["agent_steps"] > 0


def test_kept_weights_tell_how_they_were_made_and_fit_the_network_that_runs(small, tmp_path):
    list(PpoTraining(PpoTrainingConfig(budget=1, seed=4, ppo=SMALL), tmp_path).run())
    arrays, texts = load_arrays(tmp_path / BEST)
    assert texts["command"] == "pronk train navigation --variant pronk --budget 1 --seed 4 --algorithm ppo"
    assert Network(arrays).config == SIZES["pronk"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"copies": 0}, "PpoConfig.copies must be at least 1, got 0"),
        ({"rate": float("nan")}, "PpoConfig.rate must be positive and finite, got nan"),
        ({"team": 1.5}, r"PpoConfig.team must lie in \[0, 1\], got 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        PpoConfig(**change)

"""BRISQUE and SSEQ: their features against plain, slow implementations; the machines that make scores of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.fft import dctn
from scipy.signal import correlate2d
from scipy.special import gamma

from clarity_desktop.backend.iqa import sseq
from clarity_desktop.backend.iqa.assess import assess, features
from clarity_desktop.backend.iqa.kernel import Classifier, Regression
from clarity_desktop.backend.iqa.parameters import Parameters
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.messages import ModelMissing
from clarity_desktop.text import Message, english
from tests.backend.test_iqa import colored, fourier, halving

BUNDLED = Path(__file__).parents[2] / "resources" / "iqa.safetensors"
GRID = np.arange(200, 10001) / 1000
RATIO = gamma(1 / GRID) * gamma(3 / GRID) / gamma(2 / GRID) ** 2


def plain_contrast(scene: np.ndarray) -> np.ndarray:
    x = np.arange(-3, 4)
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    mean = correlate2d(scene, window, "same")
    spread = np.sqrt(np.abs(correlate2d(scene * scene, window, "same") - mean * mean))
    return (scene - mean) / (spread + 1)


def plain_brisque(scene: np.ndarray) -> list[float]:
    found: list[float] = []
    for _ in range(2):
        v = plain_contrast(scene)
        alpha = GRID[np.argmin(np.abs(np.mean(v**2) / np.mean(np.abs(v)) ** 2 - RATIO))]
        found += [alpha, np.mean(v**2)]
        for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
            pair = v * np.roll(v, shift, (0, 1))
            left, right = np.sqrt(np.mean(pair[pair < 0] ** 2)), np.sqrt(np.mean(pair[pair > 0] ** 2))
            g, r = left / right, np.mean(np.abs(pair)) ** 2 / np.mean(pair**2)
            alpha = GRID[np.argmin((1 / RATIO - r * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2) ** 2)]
            scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
            found += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha) * scale, left**2, right**2]
        scene = halving(scene.shape[0]) @ scene @ halving(scene.shape[1]).T
    return found


@pytest.mark.parametrize("size", [(64, 96), (201, 150), (33, 32), (97, 41)])
def test_brisque_sees_the_plain_features_of_the_whole_photo(size: tuple[int, int]) -> None:
    scene = fourier(*size)
    found, expected = features(colored(scene)).brisque, np.array(plain_brisque(scene.astype(float)))
    assert found is not None
    assert np.allclose(found[[0, *range(2, 36, 4)]], expected[[0, *range(2, 36, 4)]], rtol=0, atol=0.0011)
    assert np.allclose(found, expected, rtol=2e-3, atol=2e-5)


def plain_sseq(scene: np.ndarray) -> list[float]:
    found: list[float] = []
    for _ in range(3):
        padded = np.pad(scene, ((0, -scene.shape[0] % 8), (0, -scene.shape[1] % 8)))
        spatial, spectral = [], []
        for y in range(0, padded.shape[0], 8):
            for x in range(0, padded.shape[1], 8):
                block = padded[y : y + 8, x : x + 8]
                p = np.bincount(block.ravel(), minlength=256) / 64
                spatial.append(-sum(q * math.log2(q) for q in p if q > 0))
                power = dctn(block.astype(float), norm="ortho")
                power[0, 0] = 1e-8
                p = power**2 / np.sum(power**2)
                p[p == 0] = 1e-8
                spectral.append(-np.sum(p * np.log2(p)))
        for kind in (np.sort(spatial), np.sort(spectral)):
            n, away = len(kind), kind - kind.mean()
            found += [kind[math.ceil(0.2 * n) - 1 : math.ceil(0.8 * n)].mean()]
            found += [np.mean(away**3) / np.mean(away**2) ** 1.5 if n > 1 else 0]
        down = np.floor(np.clip(halving(scene.shape[0]) @ scene, 0, 255) + 0.5)
        scene = np.floor(np.clip(down @ halving(scene.shape[1]).T, 0, 255) + 0.5).astype(np.uint8)
    return found


@pytest.mark.parametrize("size", [(64, 96), (201, 150), (33, 32), (97, 41)])
def test_sseq_sees_the_plain_features_of_the_whole_photo(size: tuple[int, int]) -> None:
    scene = fourier(*size)
    scene[:, : size[1] // 2] //= 16
    assert features(colored(scene)).sseq == pytest.approx(np.array(plain_sseq(scene)), rel=1e-4, abs=1e-4)


def test_a_flat_block_has_the_entropy_that_the_authors_code_gives_it() -> None:
    spatial, spectral = sseq.entropies(np.full((8, 16), 200, np.uint8))
    assert spatial == pytest.approx(0, abs=1e-12)
    assert spectral == pytest.approx(63e-8 * math.log2(1e8), rel=1e-3)


# The machines --------------------------------------------------------------------------------------------------------


def test_a_regression_is_a_weighted_sum_of_similarities() -> None:
    machine = Regression(
        np.array([[0.0, 1], [1, 0]]), np.array([2.0, -3]), 0.5, 0.7, np.array([0, 10]), np.array([2, 30])
    )
    x = machine.scaled(np.array([1.5, 45.0]))
    assert x == pytest.approx([0.5, 2.5])  # not clipped
    expected = 2 * math.exp(-0.7 * (0.25 + 2.25)) - 3 * math.exp(-0.7 * (0.25 + 6.25)) - 0.5
    assert machine(x) == pytest.approx(expected)


def test_probabilities_of_classes_agree_with_those_of_their_pairs() -> None:
    wanted = np.array([0.5, 0.3, 0.15, 0.05])
    i, j = np.triu_indices(4, 1)
    # Without vectors the decision is -rho; slope -1 and offset 0 make a pair's probability 1 / (1 + e^rho).
    machine = Classifier(
        np.zeros((4, 1)), np.zeros((4, 3)), (1, 1, 1, 1), np.log(wanted[j] / wanted[i]), 1.0, -np.ones(6), np.zeros(6)
    )
    assert machine(np.zeros(1)) == pytest.approx(wanted, abs=0.01)


def test_the_machine_of_a_pair_uses_the_vectors_of_its_two_classes() -> None:
    vectors, counts = np.array([[0.0], [1.0], [5.0], [9.0]]), (2, 1, 1)
    coefficients = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])  # only classes 0 and 1 are distinguished
    machine = Classifier(vectors, coefficients, counts, np.zeros(3), 1.0, np.full(3, -5.0), np.zeros(3))
    near_first, near_second = machine(np.array([0.5])), machine(np.array([5.0]))
    assert near_first.argmax() == 0
    assert near_second.argmax() == 1


# Where their parameters come from ------------------------------------------------------------------------------------


def regression(features: int, value: float) -> dict[str, np.ndarray]:
    """A regression that gives the same value for whatever it is given."""
    one = {"rho": np.array([-value], "f4"), "gamma": np.ones(1, "f4"), "coefficients": np.zeros(1, "f4")}
    ranges = {"low": np.zeros(features, "f4"), "high": np.ones(features, "f4")}
    return {**one, **ranges, "vectors": np.zeros((1, features), "f4")}


@pytest.fixture
def parameters(tmp_path: Path) -> Parameters:
    """Nothing is installed, and there is no bundled file unless the test writes it."""
    return Parameters(WeightStore(catalog(), tmp_path / "weights"), tmp_path / "iqa.safetensors")


def test_without_the_authors_parameters_the_bundled_ones_score_and_are_named(parameters: Parameters) -> None:
    own = {f"brisque.{k}": v for k, v in regression(36, 40).items()}
    own |= {f"sseq.{k}": v for k, v in regression(12, 30).items()}
    own |= {"niqe.mean": np.zeros(36, "f4"), "niqe.covariance": np.eye(36, dtype="f4")}
    save_file({**load_file(BUNDLED), **own}, parameters.file)
    quality = assess(colored(fourier(200, 300)), parameters=parameters)
    assert (quality.brisque, quality.sseq) == (40, 30)
    assert quality.niqe is not None
    assert set(quality.bundled) == {"niqe", "brisque", "sseq"}


@pytest.mark.parametrize("fault", ["no tables", "another shape", "a missing table", "no numbers"])
def test_a_damaged_bundled_file_is_reported_and_what_needs_none_is_scored(parameters: Parameters, fault: str) -> None:
    file, own = parameters.file, load_file(BUNDLED)
    if fault == "another shape":
        own["sseq.vectors"] = own["sseq.vectors"][:, 1:].copy()
    elif fault == "no numbers":
        own["niqe.mean"][3] = np.nan
    elif fault == "a missing table":
        own = {name: values for name, values in own.items() if not name.startswith("brisque.")}
    save_file(own, file)
    if fault == "no tables":
        file.write_bytes(b"\x08" + bytes(30))
    quality = assess(colored(fourier(200, 300)), parameters=parameters)
    for metric in ("niqe", "brisque", "sseq", "overall"):
        assert getattr(quality, metric) is None
        assert quality.why[metric] == Message("analysis.parameters_damaged")
    assert quality.piqe is not None


def test_with_neither_the_sentence_says_how_to_get_the_authors(parameters: Parameters) -> None:
    quality = assess(colored(fourier(200, 300)), parameters=parameters)
    for metric in ("niqe", "brisque", "sseq"):
        assert getattr(quality, metric) is None
        assert f"clarity models fetch {metric}" in english(quality.why[metric])
    assert quality.piqe is not None
    with pytest.raises(ModelMissing):
        parameters.brisque()


# What is read of the published files ---------------------------------------------------------------------------------

LIBSVM = """svm_type epsilon_svr
kernel_type rbf
gamma 0.05
nr_class 2
total_sv 2
rho -1.5
SV
-2 1:0.5 3:-1
3 2:0.25
"""


def test_libsvms_text_is_a_table_whose_gaps_are_zero(tmp_path: Path) -> None:
    from safetensors.numpy import load

    (tmp_path / "m").write_text(LIBSVM, newline="\r\n")
    table = load(FORMATS["libsvm-regression"].read([tmp_path / "m"]))
    assert table["vectors"].tolist() == [[0.5, 0, -1], [0, 0.25, 0]]
    assert table["coefficients"].tolist() == [-2, 3]
    assert (table["rho"].tolist(), table["gamma"].tolist()) == ([-1.5], [0.05])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total_sv 2", "total_sv 3"), ("epsilon_svr", "c_svc"), ("rbf", "linear"), ("rho -1.5\n", ""), ("SV\n", ""),
        ("3:-1", "999999999:-1"), ("3:-1", "0:-1"), ("3:-1", "3:"), ("3:-1", "3:inf"), ("gamma 0.05", "gamma nan"),
        ("1:0.5 3:-1\n3 2:0.25", "\n3"),
    ],
)  # fmt: skip
def test_broken_text_of_libsvm_is_refused(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "m").write_text(LIBSVM.replace(old, new))
    with pytest.raises(ValueError, match=r"libsvm|finite"):
        FORMATS["libsvm-regression"].read([tmp_path / "m"])


def test_a_cut_or_changed_matlab_file_is_refused(tmp_path: Path, shared: Path) -> None:
    whole = (shared / "weights" / "iqa" / "sseq_model.mat").read_bytes()
    rng = np.random.default_rng(0)
    for k in range(30):
        broken = bytearray(whole[: int(rng.integers(1, len(whole)))] if k % 2 else whole)
        for at in rng.integers(0, len(broken), 40):
            broken[at] = int(rng.integers(256))
        (tmp_path / "m").write_bytes(broken)
        with pytest.raises(ValueError, match=r"."):
            FORMATS["sseq-mat"].read([tmp_path / "m"])

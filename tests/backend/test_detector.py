"""The detector's network: it has the shapes that it promises, and its towers are EfficientNet-Lite0 and -Lite2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from clarity_desktop.backend.nets.detector import (
    LITE0,
    LITE2,
    Detector,
    Lite,
    Statistics,
    agreeing,
    cautious,
    map_summary,
)  # fmt: skip


def plainly(x: np.ndarray, kernel: np.ndarray, stride: int, groups: int) -> np.ndarray:
    """TensorFlow's SAME convolution, written out: C×H×W, and kernel O×I/groups×k×k."""
    side, k = x.shape[1], kernel.shape[-1]
    before = max((-(-side // stride) - 1) * stride + k - side, 0) // 2
    padded = np.pad(x, ((0, 0), (before, k), (before, k)))
    each = x.shape[0] // groups
    out = []
    for o, row in enumerate(kernel):
        first = o // (len(kernel) // groups) * each
        whole = sum(correlate2d(padded[first + i], row[i], "valid") for i in range(each))
        out.append(whole[: stride * -(-side // stride) : stride, : stride * -(-side // stride) : stride])
    return np.stack(out)


@pytest.mark.parametrize("place", [0, 1, 3, 4, 5])
@torch.inference_mode()
def test_a_block_does_what_the_architecture_says(place: int) -> None:
    """Expansion 1×1, depthwise k×k, projection 1×1; normalised, two clipped to 0..6; added where sizes agree."""
    torch.manual_seed(place)
    block = Lite(LITE0).blocks[place]
    for name, value in block.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "var" in name else torch.randn_like(value))
    tensors = [v.numpy() for k, v in block.state_dict().items() if "num_batches" not in k]
    layers = [tensors[k : k + 5] for k in range(0, len(tensors), 5)]
    x = torch.randn(layers[0][0].shape[1] if len(layers) == 3 else 32, 12, 12)
    y = x.numpy()
    for k, (kernel, scale, shift, mean, variance) in enumerate(layers):
        depthwise = k == len(layers) - 2
        y = plainly(y, kernel, 2 if depthwise and place in (1, 3, 5) else 1, len(y) if depthwise else 1)
        y = (y - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 1e-3)
        y = y * scale[:, None, None] + shift[:, None, None]
        y = y.clip(0, 6) if k < len(layers) - 1 else y
    y = y + x.numpy() if y.shape == x.shape else y
    assert np.allclose(block(x[None])[0].numpy(), y, rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_the_tower_has_the_size_of_efficientnet_lite0_and_three_levels() -> None:
    """4 652 008 parameters are published, of which the head has 412 160 and the classifier 1 281 000."""
    net = Lite(LITE0)
    assert sum(p.numel() for p in net.parameters()) == 4_652_008 - 412_160 - 1_281_000
    assert len(net.blocks) == 16
    assert {stage: tuple(x.shape) for stage, x in net(torch.rand(1, 3, 64, 96)).items() if stage in (2, 4, 6)} == {
        2: (1, 40, 8, 12), 4: (1, 112, 4, 6), 6: (1, 320, 2, 3)
    }  # fmt: skip


def test_the_other_tower_has_the_size_of_efficientnet_lite2() -> None:
    """6 092 072 parameters are published, of which the head has 453 120 and the classifier 1 281 000."""
    net = Lite(LITE2)
    assert sum(p.numel() for p in net.parameters()) == 6_092_072 - 453_120 - 1_281_000
    assert len(net.blocks) == 21


@torch.inference_mode()
def test_blocks_applied_in_advance_give_the_same_features() -> None:
    net, photo = Lite(LITE0).eval(), torch.rand(1, 3, 64, 64)
    direct, in_parts = net(photo), net(net.first_blocks(photo, 3), 3)
    assert list(in_parts) == [2, 3, 4, 5, 6]
    assert all(torch.allclose(direct[stage], x, atol=1e-5) for stage, x in in_parts.items())


@torch.inference_mode()
def test_the_towers_statistics_stay_as_they_are_in_training() -> None:
    net = Lite(LITE0).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net(torch.rand(2, 3, 64, 64))
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


@torch.inference_mode()
def test_what_is_seen_at_single_places_has_a_way_of_its_own_to_the_answer() -> None:
    torch.manual_seed(0)
    net, photo = Detector().eval(), torch.rand(1, 3, 96, 64)
    whole, _ = net.encode(photo)
    net.pyramid.logits.bias[3] += 2
    moved, _ = net.encode(photo)
    assert (moved - whole).abs().max() > 0.01


@torch.inference_mode()
def test_the_answer_has_the_promised_shapes_and_follows_the_prompts() -> None:
    torch.manual_seed(0)
    net, photos = Detector().eval(), torch.rand(2, 3, 96, 64)
    kept, other = torch.randn(15, 256), torch.randn(15, 256)
    net.prompts.copy_(kept)
    outputs = net(photos)
    shapes = {k: tuple(v.shape) for k, v in outputs.items()}
    assert shapes == {
        "classes": (2, 15), "found": (2, 13), "severity": (2, 13), "quality": (2, 1), "map": (2, 13, 12, 8)
    }  # fmt: skip
    assert torch.allclose(net(photos, kept)["classes"], outputs["classes"], atol=1e-4)
    changed = net(photos, other)
    assert not torch.allclose(changed["classes"], outputs["classes"], atol=1e-2)
    assert torch.allclose(changed["severity"], outputs["severity"], atol=1e-4)


@torch.inference_mode()
def test_photos_of_a_batch_do_not_influence_each_other() -> None:
    torch.manual_seed(0)
    net, photos = Detector().eval(), torch.rand(2, 3, 64, 64)
    net.prompts.normal_()
    both, alone = net(photos), net(photos[1:])
    assert all(torch.allclose(both[name][1:], alone[name], atol=1e-3) for name in alone)


@torch.inference_mode()
def test_a_whole_photo_has_the_class_that_the_statistics_tell_and_the_rest_as_a_part_has_it() -> None:
    torch.manual_seed(0)
    net, photos = Detector().eval(), torch.rand(2, 3, 96, 64)
    net.prompts.normal_()
    net.statistics.share.fill_(0.5)
    looked, part = net.look(photos), net(photos)
    assert {k: v.shape for k, v in looked.items()} == {k: v.shape for k, v in part.items()}
    assert all(torch.equal(looked[name], part[name]) for name in ("severity", "quality", "map"))
    assert torch.equal(looked["classes"], net.statistics(photos, net.tower(photos), part["classes"]))
    assert not torch.allclose(looked["classes"], part["classes"], atol=1e-2)
    alone = net.look(photos[1:])
    assert all(torch.allclose(looked[name][1:], alone[name], atol=1e-3) for name in alone)


@torch.inference_mode()
def test_statistics_do_not_depend_on_where_something_is_or_how_much_there_is_of_it() -> None:
    head = Statistics().eval()
    features = {k: torch.rand(1, stage[1], *((8, 12) if k in (3, 4) else (4, 6))) for k, stage in enumerate(LITE0)}
    flat = torch.full((1, 3, 128, 192), 0.5)
    count = (LITE0[3][1] + LITE0[4][1]) * 8 + (LITE0[5][1] + LITE0[6][1]) * 4
    one = head.measure(flat, features)[:, :count]
    moved = head.measure(flat, {k: x.roll((4, 4), (2, 3)) for k, x in features.items()})[:, :count]
    twice = head.measure(flat, {k: torch.cat((x, x), 2) for k, x in features.items()})[:, :count]
    assert torch.allclose(one, moved, atol=1e-4)
    assert torch.allclose(one.mean(), twice.mean(), atol=1e-2)
    cell = features[3][0, 0].unfold(0, 2, 2).unfold(1, 2, 2).flatten(2)
    assert one[0, 0] == pytest.approx(float(cell.mean()), abs=1e-5)
    assert one[0, 4 * LITE0[3][1]] == pytest.approx(float(cell.std(2, correction=0).mean()), abs=1e-4)


def test_what_is_found_agrees_with_the_class() -> None:
    torch.manual_seed(0)
    classes, found = 6 * torch.randn(200, 15), 9 * torch.randn(200, 13)
    odds, likely = classes.softmax(1), agreeing(classes, found).sigmoid()
    assert (likely >= odds[:, 1:-1] - 1e-5).all()
    assert (likely <= 1 - odds[:, :1] + 1e-5).all()
    between = (found.sigmoid() >= odds[:, 1:-1]) & (found.sigmoid() <= 1 - odds[:, :1])
    assert between.any()
    assert torch.allclose(likely[between], found.sigmoid()[between], atol=1e-5)
    sure = agreeing(torch.tensor([[0.0, 80.0, *[0.0] * 13]]), torch.zeros(1, 13))
    assert torch.isfinite(sure).all()


def test_the_summary_of_a_map_tells_one_spot_from_everywhere() -> None:
    spot, everywhere = torch.full((2, 13, 16, 16), -20.0)
    spot, everywhere = spot[None].clone(), everywhere[None].clone()
    spot[0, 4, :2, :2] = 20
    everywhere[0, 4] = 20
    of_spot, of_all = (map_summary(m).reshape(4, 13)[:, 4] for m in (spot, everywhere))
    assert of_spot[1] == of_all[1] > 0.99, "the highest cells are as high"
    assert of_spot[0] < -0.9 < 0.9 < of_all[0]
    assert of_spot[3] < 0 < of_all[3]


def test_caution_takes_from_what_is_found_what_normal_gains() -> None:
    """13 degradations that exclude one another: then both ways of telling agree, before and after."""
    torch.manual_seed(0)
    odds = torch.randn(5, 15)
    odds[:, -1] = -100  # no blend
    found = torch.logit(odds.softmax(1)[:, 1:-1])
    raised = odds.clone()
    raised[:, 0] += 3
    assert torch.allclose(cautious(raised, found, torch.tensor(3.0)).sigmoid(), raised.softmax(1)[:, 1:-1], atol=1e-4)
    assert torch.allclose(cautious(odds, found, torch.tensor(0.0)), found, atol=1e-3)
    sure = cautious(torch.tensor([[-50.0, *[0.0] * 13, 50.0]]), torch.full((1, 13), 40.0), torch.tensor(5.0))
    assert torch.isfinite(sure).all()
    assert (sure > 5).all()

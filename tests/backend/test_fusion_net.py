"""The fusion network: its sizes, what it begins with, and that it sees everything it is given."""

from __future__ import annotations

import torch

from clarity_desktop.backend.nets import fusion


def test_the_size_of_the_paper_can_be_made() -> None:
    """Four blocks in each of three encoders and decoders, three, two and one in the skips (section 3.4)."""
    with torch.device("meta"):
        net = fusion.FusionNet()
    assert [len(list(encoder.children())) for encoder in net.encoders] == [4, 4, 4]
    assert [len(list(decoder.children())) for decoder in net.decoders] == [4, 4, 4]
    assert [len(list(skip.children())) for skip in net.skips] == [3, 2, 1]
    assert net.first.in_channels == 12
    assert 16e6 < sum(p.numel() for p in net.parameters()) < 17e6


def test_training_begins_at_the_mean_of_the_candidates() -> None:
    torch.manual_seed(1)
    candidates, damaged = torch.rand(2, 3, 3, 16, 32), torch.rand(2, 3, 16, 32)
    assert torch.equal(fusion.light()(candidates, damaged), candidates.mean(1))


def test_every_input_reaches_every_part_of_the_network() -> None:
    torch.manual_seed(1)
    net = fusion.light()
    torch.nn.init.normal_(net.last.weight)
    candidates, damaged = torch.rand(1, 3, 3, 16, 16, requires_grad=True), torch.rand(1, 3, 16, 16, requires_grad=True)
    (net(candidates, damaged) - candidates.detach().mean(1)).square().sum().backward()
    assert candidates.grad is not None
    assert damaged.grad is not None
    assert (candidates.grad.abs().sum((3, 4)) > 0).all()
    assert (damaged.grad.abs().sum((2, 3)) > 0).all()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())

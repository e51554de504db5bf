"""Networks of papers whose weights the user downloads, by the ids of weights/architectures.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from clarity_desktop.backend.nets.attentive_gan import AttentiveGan
from clarity_desktop.backend.nets.dcc_net import DccNet
from clarity_desktop.backend.nets.deep_deblur import DeepDeblur
from clarity_desktop.backend.nets.deep_fill import DeepFill
from clarity_desktop.backend.nets.dehaze_former import DehazeFormer
from clarity_desktop.backend.nets.exposure import Exposure
from clarity_desktop.backend.nets.ffa_net import FfaNet
from clarity_desktop.backend.nets.grid_dehaze import GridDehaze
from clarity_desktop.backend.nets.neighbor import Neighbor
from clarity_desktop.backend.nets.rcd_net import RcdNet
from clarity_desktop.backend.nets.shadow import ShadowNet
from clarity_desktop.backend.nets.snow_former import SnowFormer
from clarity_desktop.backend.nets.snr_net import SnrNet
from clarity_desktop.backend.nets.uformer import Uformer
from clarity_desktop.backend.nets.vdn import Vdn
from clarity_desktop.backend.nets.wdnet import WdNet

NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "attentive-gan": AttentiveGan,
    "deep-deblur": DeepDeblur,
    "dehaze-former-t": partial(DehazeFormer, (4, 4, 4, 2, 2), (0, 2, 4, 0, 0)),
    "dehaze-former-s": partial(DehazeFormer, (8, 8, 8, 4, 4), (2, 4, 6, 0, 0)),
    "dehaze-former-b": partial(DehazeFormer, (16, 16, 16, 8, 8), (4, 8, 12, 0, 0)),
    "dehaze-former-m": partial(DehazeFormer, (12, 12, 12, 6, 6), (3, 6, 9, 0, 0), dense=True),
    "dcc-net": DccNet,
    "deep-fill": DeepFill,
    "eyiokur": Exposure,
    "ffa-net": FfaNet,
    "grid-dehaze": GridDehaze,
    "neighbor": Neighbor,
    "g2r-shadow": ShadowNet,
    "rcd-net": RcdNet,
    "snow-former": SnowFormer,
    "snr-net": SnrNet,
    "uformer-flare": Uformer,
    "vdn": Vdn,
    "wdnet": WdNet,
}
"""Each makes the network with any weights."""

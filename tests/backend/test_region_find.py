"""Boxes by small detectors, the choice among them, and the published files that they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.nets import yolox
from clarity_desktop.backend.regions import find
from clarity_desktop.backend.regions.find import FirstOf, SmallDetectors, select
from clarity_desktop.backend.regions.words import Part, parse
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import catalog
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.messages import ModelMissing
from clarity_desktop.values import Bounds, Box

PHOTO = np.full((200, 400, 3), 128, np.uint8)
LEFT, MIDDLE, RIGHT = (
    Box("car", score, Bounds(x, 80, size, 40))
    for score, x, size in ((0.5, 10, 40), (0.9, 170, 60), (0.7, 320, 50))
)  # fmt: skip
CARS = [MIDDLE, RIGHT, LEFT]


def part(text: str) -> Part:
    description = parse(text)
    assert description is not None
    return description.parts[0]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("the car", [MIDDLE]),
        ("cars", CARS),
        ("both cars", [MIDDLE, RIGHT]),
        ("the car on the left", [LEFT]),
        ("the rightmost car", [RIGHT]),
        ("the car in the middle", [MIDDLE]),
        ("the biggest car", [MIDDLE]),
        ("the smallest car", [LEFT]),
        ("two largest cars", [MIDDLE, RIGHT]),
        ("the second car from the left", [MIDDLE]),
        ("the third car from the left", [RIGHT]),
        ("the second car", [MIDDLE]),
        ("the fourth car", []),
        ("all cars on the right", [RIGHT, MIDDLE]),
    ],
)
def test_which_of_several_is_meant(text: str, chosen: list[Box]) -> None:
    assert select(CARS, part(text), PHOTO) == chosen


def test_a_color_chooses() -> None:
    photo = PHOTO.copy()
    photo[RIGHT.bounds.slices()] = (200, 20, 20)
    assert select(CARS, part("the red car"), photo) == [RIGHT]
    assert select(CARS, part("the blue car"), photo) == []


class Rows:
    """Stands in for the network: one object, twice, and what lies beyond the photo."""

    def __init__(self) -> None:
        self.seen = torch.empty(0)

    def __call__(self, bgr: torch.Tensor) -> torch.Tensor:
        self.seen = bgr
        rows = torch.zeros(1, 4, 85)
        for k, (middle, size, objectness) in enumerate(
            [((208, 104), (104, 52), 0.9), ((210, 104), (104, 52), 0.8), ((414, 200), (40, 60), 0.7)]
        ):
            rows[0, k, :5] = torch.tensor([*middle, *size, objectness])
            rows[0, k, 5 + find.COCO.index("dog")] = 1.0
        return rows


def test_boxes_are_scaled_back_and_cut_to_the_photo() -> None:
    net, photo = Rows(), np.zeros((400, 832, 3), np.uint8)
    photo[..., 0] = 200  # red
    first, second = find.objects(photo, net)  # pyright: ignore[reportArgumentType]
    assert (first.label, first.bounds) == ("dog", Bounds(312, 156, 208, 104))
    assert first.score == pytest.approx(0.9)
    assert second.bounds == Bounds(788, 340, 44, 60)
    assert net.seen.shape == (1, 3, 416, 416)
    assert net.seen[0, :, 0, 0].tolist() == [0, 0, 200]  # BGR
    assert net.seen[0, :, 300, 0].tolist() == [114, 114, 114]


def test_who_looks_for_what(tmp_path: Path) -> None:
    small = SmallDetectors(ModelCache(), WeightStore(catalog(), tmp_path))
    names = {"the man": find.YOLOX, "a face": find.YUNET, "the sky": None, "a submarine": None}
    assert {text: small.engine_for(part(text)) for text in names} == names
    assert FirstOf((small, small)).engine_for(part("the man")) == find.YOLOX
    assert find.installed(ModelCache(), small.store).engine_for(part("a submarine")) is None
    with pytest.raises(ModelMissing, match=r"yolox_nano\.onnx"):
        small.boxes(PHOTO, part("the man"), lambda: None)
    with pytest.raises(ModelMissing, match="yunet"):
        FirstOf((small,)).boxes(PHOTO, part("faces"), lambda: None)


def test_the_words_name_every_class() -> None:
    unknown = [name for name in find.COCO if part(name if name != "orange" else "oranges").name != name]
    assert unknown == []


# Published files ------------------------------------------------------------------------------------------------------


def graph(*, bias: bool = True, external: bool = False) -> bytes:
    """Two convolutions, the second one first in the list of tensors."""
    rng = np.random.default_rng(0)
    names = {"a.w": (4, 3, 3, 3), "a.b": (4,), "b.w": (2, 4, 1, 1), "b.b": (2,)}
    tensors = [
        numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in reversed(list(names.items()))
    ]
    if external:
        tensors[0].data_location = TensorProto.EXTERNAL
        tensors[0].ClearField("raw_data")
        tensors[0].external_data.add(key="location", value="secret.bin")
    inputs = {"a": ["x", "a.w", "a.b"], "b": ["y", "b.w", "b.b"]}
    nodes = [helper.make_node("Conv", inputs[n] if bias else inputs[n][:2], [o]) for n, o in (("a", "y"), ("b", "z"))]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    return helper.make_model(helper.make_graph(nodes, "g", [x], [z], tensors)).SerializeToString()


def read(form: str, content: bytes, folder: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load

    path = folder / "published"
    path.write_bytes(content)
    return load(FORMATS[form].read([path]))


def test_convolutions_are_read_in_the_order_in_which_they_run(tmp_path: Path) -> None:
    content = graph()
    found = read("onnx-convolutions", content, tmp_path)
    assert {name: values.shape for name, values in found.items()} == {
        "000.weight": (4, 3, 3, 3), "000.bias": (4,), "001.weight": (2, 4, 1, 1), "001.bias": (2,),
    }  # fmt: skip
    wanted = {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(content).graph.initializer}
    assert np.array_equal(found["001.weight"], wanted["b.w"])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not a graph" * 50, graph()[:-40], graph(bias=False), graph(external=True),
        helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString(),
    ],
    ids=["empty", "text", "cut off", "without biases", "tensors elsewhere", "without convolutions"],
)  # fmt: skip
def test_another_graph_is_refused_with_a_reason(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ONNX graph|no convolutions"):
        read("onnx-convolutions", content, tmp_path)


def test_damaged_graphs_are_refused_or_hold_tensors(tmp_path: Path) -> None:
    rng, whole = np.random.default_rng(3), graph()
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(256)
        try:
            read("onnx-convolutions", bytes(content), tmp_path)
        except ValueError as e:
            assert "it is not" in str(e) or "it contains" in str(e)  # noqa: PT017 — many files, each may be refused


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    assert read("file", b"\x00\xffmodel", tmp_path)["file"].tobytes() == b"\x00\xffmodel"


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match="1 convolutions instead of"):
        yolox.in_order([{"weight": torch.zeros(1, 1, 1, 1), "bias": torch.zeros(1)}])
    net = yolox.YoloX()
    state = [{"weight": m.weight, "bias": m.bias} for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    state[0] = {"weight": torch.zeros(1, 1, 1, 1), "bias": torch.zeros(1)}
    with pytest.raises(ValueError, match="convolution 0 has the shape"):
        yolox.in_order(state)


@pytest.fixture
def published(shared: Path, tmp_path: Path) -> Path:
    """The folder of both published detectors, converted as the store does it."""
    files = {find.YOLOX: "yolox_nano/yolox_nano.onnx", find.YUNET: "yunet/yunet_n_dynamic.onnx"}
    for model, name in files.items():
        source = shared / "weights" / name
        if not source.is_file():
            pytest.skip(f"{name} is not among the measuring data")
        [variant] = catalog()[model].variants
        (tmp_path / f"{model}.safetensors").write_bytes(FORMATS[variant.format].read([source]))
    return tmp_path


def test_the_published_network_computes_what_onnxruntime_computes(published: Path, shared: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is an extra for tests")
    values = np.random.default_rng(0).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)
    session = runtime.InferenceSession(shared / "weights" / "yolox_nano" / "yolox_nano.onnx")
    [wanted] = session.run(None, {session.get_inputs()[0].name: values})
    with torch.inference_mode():
        rows = find.load_yolox(published / "yolox-nano.safetensors")(torch.from_numpy(values))[0].numpy()
    # The published graph leaves the decoding of boxes to its user.
    assert np.abs(rows[:, 4:] - wanted[0, :, 4:]).max() < 1e-4


def test_a_person_and_a_face_in_a_photo(published: Path, shared: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = shared / "data" / "seg_interactive" / "input" / "0_5_5303.webp"
    if not file.is_file():
        pytest.skip("the photo is not among the measuring data")
    photo = np.asarray(Image.open(file).convert("RGB"))
    [face] = find.faces(photo, published / "yunet.safetensors")
    assert face.score > 0.9
    [person] = find.objects(photo, find.load_yolox(published / "yolox-nano.safetensors"))
    assert person.label == "person"
    assert person.bounds.cut(face.bounds).area > 0.95 * face.bounds.area
    assert find.faces(PHOTO, published / "yunet.safetensors") == []
    assert capfd.readouterr() == ("", "")


def test_places_choose_among_boxes_only(tmp_path: Path) -> None:
    everywhere = replace(part("cars"), places=("left",))
    assert select(CARS, everywhere, PHOTO) == [LEFT]

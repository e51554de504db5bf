"""The case studies of the paper (section 4.5), each a short conversation; `make pictures` shows them in the docs.

A shadow; motion blur with darkness and noise; objects found and selected by words; a city in bad weather, treated by
several methods. The photos are halved where no pictures are taken: large networks take long on a processor.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clarity_desktop.backend import methods

from .rounds import PHOTOS, PICTURES, Rounds, assert_only
from .user import QUICK, Sitting


@pytest.fixture
def photo_file(tmp_path: Path) -> Callable[[str], Path]:
    """photo_file(name): one of PHOTOS, half as large in each direction unless pictures are taken."""

    def make(name: str) -> Path:
        if PICTURES is not None:
            return PHOTOS / name
        with Image.open(PHOTOS / name) as photo:
            photo.reduce(2).save(tmp_path / name, quality=95)
        return tmp_path / name

    return make


async def test_a_shadow_is_removed_where_a_method_can(sit_down_with_networks: Sitting) -> None:
    async with sit_down_with_networks(QUICK) as user:
        talk = Rounds(user, "shadow")
        await user.open(PHOTOS / "bowl-shadow.jpg")
        await talk.ask("Is there a shadow in this photo?", {"tool": "detect", "degradation": "shadow"})
        remove = {"tool": "restore", "task": "deshadow"}
        if "deshadow" in methods.tasks():
            # The classical method that comes with the program does not find this one (docs/choice.md).
            says = "chat.restored", "chat.found_nothing"
            await talk.change("Remove the shadow, please.", remove, says=says, changed=False)
        else:
            said = await talk.ask("Remove the shadow, please.", remove, says=("methods.none_for_task",))
            assert "no method for the task “Remove shadows”" in said
        lighten = {"tool": "adjust", "settings": {"shadows": 0.4}}
        await talk.change("Then lighten the shadows a bit.", lighten, says=("chat.adjusted",))
        await talk.ask("Compare it with the original.", {"tool": "compare"}, says=("chat.compared",))


async def test_motion_blur_darkness_and_noise_are_treated_one_after_the_other(
    sit_down_with_networks: Sitting, weights: Callable[[str], None], photo_file: Callable[[str], Path]
) -> None:
    weights("maxim-deblurring")
    async with sit_down_with_networks(QUICK) as user:
        talk = Rounds(user, "blur-darkness-noise")
        await user.open(photo_file("dogs-blur-dark-noise.jpg"))
        original = user.head
        said = await talk.ask(
            "What is wrong with this photo?", {"tool": "detect"}, says=("analysis.finding", "degradation.low-light")
        )
        assert "Low light" in said
        # Noise before what would strengthen it, whatever the order of the words is.
        chain = [{"tool": "restore", "task": task} for task in ("denoise", "deblur", "low_light")]
        said = await talk.change("It is dark, noisy and blurred by motion. Please fix all of that.", *chain)
        assert all(done in said for done in ("Denoised", "Deblurred", "Brightened"))
        assert (await user.pixels()).mean() > 2 * (await user.pixels(original.id)).mean()
        assert user.head.quality.overall > original.quality.overall
        await talk.ask("Is it better now?", {"tool": "assess"}, says=("analysis.overall",))
        await talk.ask("Compare it with the original.", {"tool": "compare"}, says=("chat.compared",))


async def test_objects_are_found_selected_and_changed_by_words(
    sit_down_with_networks: Sitting, weights: Callable[[str], None]
) -> None:
    weights("yolox-nano")
    async with sit_down_with_networks(QUICK) as user:
        talk = Rounds(user, "words")
        await user.open(PHOTOS / "dogs.jpg")
        said = await talk.ask(
            "How many dogs are there?", {"tool": "find", "region": "dogs"}, says=("chat.found_several",)
        )
        assert said.startswith("2 found: dog (")
        said = await talk.ask(
            "Select the dog on the left.", {"tool": "select_region", "region": "dog on the left"},
            says=("chat.selected",),
        )  # fmt: skip
        assert "“dog on the left” is selected" in said
        left = user.shown.selection.now.region
        assert left is not None
        assert left.bounds.right < user.head.width
        warmer = {"tool": "adjust", "region": "dog on the left"}
        said = await talk.change("Make only that warmer.", warmer, says=("chat.only_part",), only=left)
        assert "Only “dog on the left” was changed." in said
        others = {"tool": "adjust", "region": "everything but the dogs"}
        before = await user.pixels()
        await talk.change("Darken everything but the dogs.", others, says=("chat.only_part",))
        around = user.shown.selection.now.region
        assert around is not None
        assert_only(before, await user.pixels(), around)
        fill = {"tool": "restore", "task": "inpaint", "region": "lower dog"}
        said = await talk.change("Remove the lower dog.", fill, says=("chat.restored", "chat.only_part"))
        assert "Only “lower dog” was changed." in said


async def test_a_city_in_bad_weather_is_treated_by_several_methods(
    sit_down_with_networks: Sitting, weights: Callable[[str], None], photo_file: Callable[[str], Path]
) -> None:
    for model in ("maxim-deraining", "maxim-dehazing-outdoor", "maxim-dehazing-indoor"):
        weights(model)
    async with sit_down_with_networks(QUICK) as user:
        talk = Rounds(user, "city")
        await user.open(photo_file("city-rain-haze.jpg"))
        rain = {"tool": "restore", "task": "derain"}
        haze = {"tool": "restore", "task": "dehaze"}
        await talk.change("The city is hard to see: first remove the rain, then the haze.", rain, haze)
        derained, dehazed = user.shown.turns[-1].versions
        other = {**haze, "version": derained}
        await talk.change("It is still too hazy, try another method.", other, parent=derained)
        assert user.head.step.method != user.shown.versions[dehazed].step.method
        contrast = {"tool": "adjust", "settings": {"contrast": 0.4}}
        await talk.change("And a bit more contrast.", contrast, says=("chat.adjusted",))
        await talk.ask("What have you done so far?", {"tool": "describe"}, says=("chat.steps",))
        await talk.ask("Compare it with the original.", {"tool": "compare"}, says=("chat.compared",))
        assert dehazed in user.listed()

"""The description of a photo in the info panel."""

from __future__ import annotations

from fakes import a_photo, a_window, settled

from clarity_desktop import messages as m


async def test_a_photo_is_described_on_request():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.sides.reveal("info")
        assert window.info.description.isHidden()
        window.info.describe.click()
        assert not window.info.describe.isEnabled()
        await settled(window)
        assert window.info.description.text() == "A landscape photo of 60 × 40 pixels. It is black and white."
        assert window.info.description.accessibleName().startswith("Description: A landscape photo")
        assert window.info.describe.isEnabled()


async def test_a_description_belongs_to_its_version():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.sides.reveal("info")
        window.info.describe.click()
        await settled(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        assert window.info.description.isHidden()
        window.action["undo"].trigger()
        await settled(window)
        assert not window.info.description.isHidden()
        await a_photo(window, "other.jpg")
        assert window.info.description.isHidden()


async def test_what_would_describe_better_is_downloaded_and_used():
    async with a_window() as (window, link):
        await a_photo(window)
        window.sides.reveal("info")
        window.info.describe.click()
        await settled(window)
        assert window.info.better.text().startswith("Download BLIP (")
        window.info.better.click()
        await settled(window)
        downloaded = [request.model for request in link.of(m.FetchModel)]
        assert downloaded == ["maxim-denoising", "maxim-deblurring"]
        assert len(link.of(m.Describe)) == 2

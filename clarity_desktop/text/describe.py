"""Templates of the description of a photo."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "describe.running": QT_TRANSLATE_NOOP("Message", "Describing the photo…"),
    "describe.caption": QT_TRANSLATE_NOOP("Message", "A description by BLIP, which may be wrong: “{caption}”."),
    "describe.landscape": QT_TRANSLATE_NOOP("Message", "A landscape photo of {width} × {height} pixels."),
    "describe.portrait": QT_TRANSLATE_NOOP("Message", "A portrait photo of {width} × {height} pixels."),
    "describe.square": QT_TRANSLATE_NOOP("Message", "A square photo of {width} × {height} pixels."),
    "describe.panorama": QT_TRANSLATE_NOOP("Message", "A panorama of {width} × {height} pixels."),
    "describe.objects": QT_TRANSLATE_NOOP("Message", "Objects that were recognized: {objects}."),
    "describe.one": QT_TRANSLATE_NOOP("Message", "{label}"),
    "describe.several": QT_TRANSLATE_NOOP("Message", "{label} ({count})"),
    "describe.materials": QT_TRANSLATE_NOOP("Message", "By color and place, parts of it look like {materials}."),
    "describe.material.sky": QT_TRANSLATE_NOOP("Message", "sky ({percent}%)"),
    "describe.material.water": QT_TRANSLATE_NOOP("Message", "water ({percent}%)"),
    "describe.material.vegetation": QT_TRANSLATE_NOOP("Message", "plants ({percent}%)"),
    "describe.light.dark": QT_TRANSLATE_NOOP("Message", "It is dark."),
    "describe.light.bright": QT_TRANSLATE_NOOP("Message", "It is bright."),
    "describe.light.flat": QT_TRANSLATE_NOOP("Message", "It has little contrast."),
    "describe.light.balanced": QT_TRANSLATE_NOOP("Message", "It is neither dark nor bright."),
    "describe.clipped.black": QT_TRANSLATE_NOOP("Message", "{percent}% of it is too dark to show any detail."),
    "describe.clipped.white": QT_TRANSLATE_NOOP("Message", "{percent}% of it is too bright to show any detail."),
    "describe.gray": QT_TRANSLATE_NOOP("Message", "It is black and white."),
    "describe.colors": QT_TRANSLATE_NOOP("Message", "Its main colors: {colors}."),
    "describe.color.red": QT_TRANSLATE_NOOP("Message", "red"),
    "describe.color.orange": QT_TRANSLATE_NOOP("Message", "orange"),
    "describe.color.yellow": QT_TRANSLATE_NOOP("Message", "yellow"),
    "describe.color.green": QT_TRANSLATE_NOOP("Message", "green"),
    "describe.color.cyan": QT_TRANSLATE_NOOP("Message", "cyan"),
    "describe.color.blue": QT_TRANSLATE_NOOP("Message", "blue"),
    "describe.color.purple": QT_TRANSLATE_NOOP("Message", "purple"),
    "describe.color.pink": QT_TRANSLATE_NOOP("Message", "pink"),
    "describe.color.brown": QT_TRANSLATE_NOOP("Message", "brown"),
    "describe.camera": QT_TRANSLATE_NOOP("Message", "Taken with {camera}."),
    "describe.camera_and_date": QT_TRANSLATE_NOOP("Message", "Taken with {camera}, dated {date}."),
    "describe.date": QT_TRANSLATE_NOOP("Message", "Dated {date}."),
    "describe.exposure": QT_TRANSLATE_NOOP("Message", "Exposure: {exposure}."),
    "describe.seconds": QT_TRANSLATE_NOOP("Message", "{seconds} s"),
    "describe.aperture": QT_TRANSLATE_NOOP("Message", "f/{aperture}"),
    "describe.iso": QT_TRANSLATE_NOOP("Message", "ISO {iso}"),
    "describe.verdict": QT_TRANSLATE_NOOP("Message", "Quality: {verdict}."),
    "describe.get_blip": QT_TRANSLATE_NOOP(
        "Message", "For a sentence about what it shows, download {models} ({size}) in Photo > Models."
    ),
    "describe.no_transformers": QT_TRANSLATE_NOOP(
        "Message",
        "Describing a photo by BLIP needs the package transformers, which is not installed.",
    ),
}

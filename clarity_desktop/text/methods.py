"""Templates of restoration methods."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # What a bundled method is called beside its task: "Denoised · MAXIM", "Denoised · Quick".
    "method.maxim-deraining": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-denoising": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-deblurring": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-dehazing-outdoor": QT_TRANSLATE_NOOP("Message", "MAXIM outdoors"),
    "method.maxim-dehazing-indoor": QT_TRANSLATE_NOOP("Message", "MAXIM indoors"),
    "method.maxim-enhancement": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-retouching": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.clarity-all": QT_TRANSLATE_NOOP("Message", "Quick"),
    "method.clarity-denoise": QT_TRANSLATE_NOOP("Message", "Quick denoiser"),
    "method.clarity-weather": QT_TRANSLATE_NOOP("Message", "Quick weather"),
    "method.clarity-jpeg": QT_TRANSLATE_NOOP("Message", "Quick JPEG"),
    "method.shadow-relight": QT_TRANSLATE_NOOP("Message", "Relight shadow"),
    "method.clarity-fill": QT_TRANSLATE_NOOP("Message", "Quick"),
    "method.nl-means": QT_TRANSLATE_NOOP("Message", "Non-local means"),
    "method.tone-curve": QT_TRANSLATE_NOOP("Message", "Tone curve"),
    "method.clahe": QT_TRANSLATE_NOOP("Message", "CLAHE"),
    "method.dark-channel": QT_TRANSLATE_NOOP("Message", "Dark channel"),
    "method.richardson-lucy": QT_TRANSLATE_NOOP("Message", "Richardson–Lucy"),
    "method.jpeg-deblocking": QT_TRANSLATE_NOOP("Message", "Deblocking"),
    "method.opencv-telea": QT_TRANSLATE_NOOP("Message", "Telea"),
    "method.opencv-navier-stokes": QT_TRANSLATE_NOOP("Message", "Navier–Stokes"),
    "method.lanczos-2x": QT_TRANSLATE_NOOP("Message", "Lanczos 2×"),
    "method.lanczos-4x": QT_TRANSLATE_NOOP("Message", "Lanczos 4×"),
    "method.prenet-rain100h": QT_TRANSLATE_NOOP("Message", "PReNet for heavy rain"),
    "method.prenet-rain1400": QT_TRANSLATE_NOOP("Message", "PReNet for varied rain"),
    "method.prenet-rain100l": QT_TRANSLATE_NOOP("Message", "PReNet for light rain"),
    "method.prenet-real": QT_TRANSLATE_NOOP("Message", "PReNet for real rain"),
    "method.prenet-real-1": QT_TRANSLATE_NOOP("Message", "PReNet for real rain, first version"),
    "method.vrgnet": QT_TRANSLATE_NOOP("Message", "VRGNet"),
    "method.jorder-e": QT_TRANSLATE_NOOP("Message", "JORDER-E"),
    "method.aodnet": QT_TRANSLATE_NOOP("Message", "AOD-Net"),
    "method.gcanet": QT_TRANSLATE_NOOP("Message", "GCANet"),
    "method.dehazenet": QT_TRANSLATE_NOOP("Message", "DehazeNet"),
    "method.dncnn": QT_TRANSLATE_NOOP("Message", "DnCNN"),
    "method.ffdnet": QT_TRANSLATE_NOOP("Message", "FFDNet"),
    "method.dncnn-3": QT_TRANSLATE_NOOP("Message", "DnCNN-3"),
    "method.dmphn": QT_TRANSLATE_NOOP("Message", "DMPHN"),
    "method.zero-dce": QT_TRANSLATE_NOOP("Message", "Zero-DCE"),
    "method.zero-dce-plus": QT_TRANSLATE_NOOP("Message", "Zero-DCE++"),
    "method.sci-easy": QT_TRANSLATE_NOOP("Message", "SCI for slightly dark photos"),
    "method.sci-medium": QT_TRANSLATE_NOOP("Message", "SCI for dark photos"),
    "method.sci-difficult": QT_TRANSLATE_NOOP("Message", "SCI for very dark photos"),
    "method.ruas-upe": QT_TRANSLATE_NOOP("Message", "RUAS for slightly dark photos"),
    "method.ruas-lol": QT_TRANSLATE_NOOP("Message", "RUAS for very dark photos"),
    "method.ruas-dark": QT_TRANSLATE_NOOP("Message", "RUAS for night"),
    "method.pairlie": QT_TRANSLATE_NOOP("Message", "PairLIE"),
    "method.iat-low-light": QT_TRANSLATE_NOOP("Message", "IAT"),
    "method.iat-exposure": QT_TRANSLATE_NOOP("Message", "IAT for exposure"),
    "method.fecnet-exposure": QT_TRANSLATE_NOOP("Message", "FECNet for exposure"),
    "method.fecnet-low-light": QT_TRANSLATE_NOOP("Message", "FECNet"),
    "method.adaptive-lut": QT_TRANSLATE_NOOP("Message", "3D LUT"),
    "method.rlfn-x4": QT_TRANSLATE_NOOP("Message", "RLFN 4×"),
    "method.safmn-x4": QT_TRANSLATE_NOOP("Message", "SAFMN++ 4×"),
    "method.span-x2": QT_TRANSLATE_NOOP("Message", "SPAN 2×"),
    "method.span-x4": QT_TRANSLATE_NOOP("Message", "SPAN 4×"),
    "method.real-esrgan-fast-x4": QT_TRANSLATE_NOOP("Message", "Real-ESRGAN 4× (fast)"),
    "method.real-esrgan-x4": QT_TRANSLATE_NOOP("Message", "Real-ESRGAN 4×"),
    # What a method is good at, for one task if it has several.
    "good.maxim-deraining": QT_TRANSLATE_NOOP("Message", "Best for dense rain; keeps fine detail."),
    "good.maxim-denoising": QT_TRANSLATE_NOOP("Message", "Best for camera noise in poor light."),
    "good.maxim-deblurring": QT_TRANSLATE_NOOP(
        "Message", "Best for motion blur; less effective on out-of-focus photos."
    ),
    "good.maxim-dehazing-outdoor": QT_TRANSLATE_NOOP("Message", "Best for fog and haze outdoors."),
    "good.maxim-dehazing-indoor": QT_TRANSLATE_NOOP("Message", "Best for haze and smoke in rooms."),
    "good.maxim-enhancement": QT_TRANSLATE_NOOP("Message", "Best for very dark photos."),
    "good.maxim-retouching": QT_TRANSLATE_NOOP("Message", "Evens out light and color as a retoucher would."),
    "good.clarity-all.derain": QT_TRANSLATE_NOOP("Message", "Quick. Weakens rain; dense streaks remain."),
    "good.clarity-all.denoise": QT_TRANSLATE_NOOP(
        "Message", "Quick. Removes most noise; softens fine texture a little."
    ),
    "good.clarity-all.low_light": QT_TRANSLATE_NOOP("Message", "Quick. Brightens dark photos."),
    "good.clarity-all.overexposure": QT_TRANSLATE_NOOP(
        "Message", "Quick. Tones down bright photos; detail in pure white is not recovered."
    ),
    "good.clarity-denoise": QT_TRANSLATE_NOOP(
        "Message", "Quick, and best for most noise; undamaged photos stay as they are."
    ),
    "good.clarity-weather.derain": QT_TRANSLATE_NOOP(
        "Message", "Quick. Weakens rain, dense streaks less; undamaged photos stay as they are."
    ),
    "good.clarity-weather.desnow": QT_TRANSLATE_NOOP(
        "Message", "Quick. Removes much falling snow; large flakes remain."
    ),
    "good.clarity-weather.dehaze": QT_TRANSLATE_NOOP(
        "Message", "Quick. Weakens haze carefully; undamaged photos stay as they are."
    ),
    "good.clarity-jpeg": QT_TRANSLATE_NOOP(
        "Message", "Quick. Smooths blocks and rings; undamaged photos stay as they are."
    ),
    "good.clarity-all.desnow": QT_TRANSLATE_NOOP("Message", "Quick. Weakens falling snow; large flakes remain."),
    "good.clarity-all.dehaze": QT_TRANSLATE_NOOP("Message", "Quick. Weakens haze, and leaves photos without haze."),
    "good.clarity-all.deraindrop": QT_TRANSLATE_NOOP(
        "Message", "Changes drops hardly at all. Select a drop and fill it instead."
    ),
    "good.clarity-all.dewatermark": QT_TRANSLATE_NOOP(
        "Message", "Changes watermarks hardly at all. Select the mark and fill it instead."
    ),
    "good.shadow-relight": QT_TRANSLATE_NOOP(
        "Message", "Brightens one shadow with a clear border, where it finds such a shadow; it often does not."
    ),
    "good.clarity-all.deflare": QT_TRANSLATE_NOOP("Message", "Quick. Weakens lens flare."),
    "good.nl-means": QT_TRANSLATE_NOOP("Message", "For even, fine noise; strong noise leaves blotches."),
    "good.tone-curve.low_light": QT_TRANSLATE_NOOP("Message", "Brightens the whole photo evenly; noise stays."),
    "good.tone-curve.overexposure": QT_TRANSLATE_NOOP(
        "Message", "Darkens the whole photo evenly; detail in pure white is not recovered."
    ),
    "good.clahe": QT_TRANSLATE_NOOP(
        "Message", "Brings out detail in dark areas; can look harsh and makes noise more visible."
    ),
    "good.dark-channel": QT_TRANSLATE_NOOP(
        "Message", "Clears even haze; skies and white walls can get too dark, and photos without haze too."
    ),
    "good.richardson-lucy": QT_TRANSLATE_NOOP(
        "Message", "Sharpens slightly out-of-focus photos; does not undo camera shake."
    ),
    "good.jpeg-deblocking": QT_TRANSLATE_NOOP(
        "Message", "Softens visible blocks and ringing a little; does not bring detail back."
    ),
    "good.opencv-telea.dewatermark": QT_TRANSLATE_NOOP(
        "Message", "Fills the letters from their surroundings; what they cover is not seen."
    ),
    "good.opencv-telea": QT_TRANSLATE_NOOP("Message", "For scratches and small spots; large areas become smooth."),
    "good.opencv-navier-stokes": QT_TRANSLATE_NOOP(
        "Message", "For scratches and small spots; continues lines. Large areas become smooth."
    ),
    "good.lanczos-2x": QT_TRANSLATE_NOOP("Message", "Doubles width and height smoothly; adds no detail."),
    "good.lanczos-4x": QT_TRANSLATE_NOOP("Message", "Four times the width and height, smoothly; adds no detail."),
    "good.prenet-rain100h": QT_TRANSLATE_NOOP(
        "Message", "Best for dense synthetic-looking streaks; quick for a network."
    ),
    "good.prenet-rain1400": QT_TRANSLATE_NOOP("Message", "For streaks of many directions and sizes."),
    "good.prenet-rain100l": QT_TRANSLATE_NOOP("Message", "For a few thin streaks; leaves the rest of the photo alone."),
    "good.prenet-real": QT_TRANSLATE_NOOP(
        "Message", "Trained by its authors for photos of real rain; softens a little."
    ),
    "good.prenet-real-1": QT_TRANSLATE_NOOP(
        "Message", "An earlier network of the same authors; removes more, softens more."
    ),
    "good.vrgnet": QT_TRANSLATE_NOOP("Message", "Trained on real rain; careful, removes only clear streaks."),
    "good.jorder-e": QT_TRANSLATE_NOOP("Message", "For heavy rain with mist between the streaks."),
    "good.aodnet": QT_TRANSLATE_NOOP("Message", "Very quick; removes thin haze."),
    "good.gcanet": QT_TRANSLATE_NOOP("Message", "Strong; trained on rooms, so the sky may become uneven."),
    "good.dehazenet": QT_TRANSLATE_NOOP("Message", "Removes haze evenly from the near to the far."),
    "good.dncnn": QT_TRANSLATE_NOOP("Message", "For fine, even noise of any strength."),
    "good.ffdnet": QT_TRANSLATE_NOOP("Message", "Quick; measures the noise and removes about as much."),
    "good.dncnn-3": QT_TRANSLATE_NOOP("Message", "Weakens blocks and rings of JPEG; colors stay as they are."),
    "good.dmphn": QT_TRANSLATE_NOOP("Message", "For blur by movement, as in its training photos of a moving camera."),
    "good.zero-dce": QT_TRANSLATE_NOOP("Message", "Brightens moderately and naturally; noise stays."),
    "good.zero-dce-plus": QT_TRANSLATE_NOOP("Message", "Very quick; brightens moderately; noise stays."),
    "good.sci-easy": QT_TRANSLATE_NOOP("Message", "Very quick; brightens a little."),
    "good.sci-medium": QT_TRANSLATE_NOOP("Message", "Very quick; brightens strongly."),
    "good.sci-difficult": QT_TRANSLATE_NOOP("Message", "Very quick; made for night in the street."),
    "good.ruas-upe": QT_TRANSLATE_NOOP("Message", "Quick; brightens strongly."),
    "good.ruas-lol": QT_TRANSLATE_NOOP(
        "Message", "Brightens very strongly and reduces noise; too much for slightly dark photos."
    ),
    "good.ruas-dark": QT_TRANSLATE_NOOP("Message", "Brightens very strongly; too much for slightly dark photos."),
    "good.pairlie": QT_TRANSLATE_NOOP("Message", "Natural colors in dark photos; reduces a little noise."),
    "good.iat-low-light": QT_TRANSLATE_NOOP("Message", "Best for very dark photos of rooms; corrects the colors, too."),
    "good.iat-exposure": QT_TRANSLATE_NOOP("Message", "Corrects photos that are too bright or too dark."),
    "good.fecnet-exposure": QT_TRANSLATE_NOOP(
        "Message", "Corrects photos that are too bright or too dark; slow on large ones."
    ),
    "good.fecnet-low-light": QT_TRANSLATE_NOOP("Message", "For very dark photos; slow on large ones."),
    "good.adaptive-lut": QT_TRANSLATE_NOOP("Message", "Very quick; colors and contrast as a retoucher would set them."),
    "good.rlfn-x4": QT_TRANSLATE_NOOP("Message", "Four times as large, with clear edges; for sharp photos."),
    "good.safmn-x4": QT_TRANSLATE_NOOP("Message", "Four times as large; for photos that were compressed."),
    "good.span-x2": QT_TRANSLATE_NOOP("Message", "Twice as large, true to the photo; quick."),
    "good.span-x4": QT_TRANSLATE_NOOP("Message", "Four times as large, true to the photo; quick."),
    "good.real-esrgan-fast-x4": QT_TRANSLATE_NOOP(
        "Message", "Four times as large; for photos in bad condition. Details are invented."
    ),
    "good.real-esrgan-x4": QT_TRANSLATE_NOOP(
        "Message", "Four times as large, very sharp; for small photos in bad condition. Details are invented; slow."
    ),
    "methods.unknown_task": QT_TRANSLATE_NOOP("Message", "There is no task “{task}”. The tasks are {tasks}."),
    "methods.none_for_task": QT_TRANSLATE_NOOP(
        "Message", "Clarity Desktop has no method for the task “{task}”. It has methods for: {tasks}."
    ),
    "methods.unknown_method": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”. The methods for “{task}” are {methods}."
    ),
    "methods.unknown_method_no_other": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”, and no other method for the task “{task}”."
    ),
    "methods.wrong_task": QT_TRANSLATE_NOOP(
        "Message", "The method “{method}” is not for the task “{task}”. It is for: {tasks}."
    ),
}

"""Templates of reading and writing photos. `name` is the file's name."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Why a file is not opened.
    "pictures.not_a_photo": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” is not a photo that this program can read "
        "(JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG XL, PSD, OpenEXR or RAW).",
    ),
    "pictures.damaged": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is damaged or cut short and cannot be opened. Try copying it again from its source."
    ),
    "pictures.raw_unsupported": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” is a RAW photo of a kind that this program cannot develop. "
        "Convert it to DNG, or to TIFF with the camera maker’s software.",
    ),
    "pictures.decoder_crashed": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is damaged in a way that stopped its decoder, and cannot be opened."
    ),
    "pictures.decoder_failed": QT_TRANSLATE_NOOP("Message", "“{name}” could not be read: its decoder failed."),
    "pictures.decoder_timeout": QT_TRANSLATE_NOOP(
        "Message", "“{name}” takes too long to read. Opening it was stopped."
    ),
    "pictures.decoder_not_started": QT_TRANSLATE_NOOP(
        "Message", "The process that reads photos could not be started: {reason}."
    ),
    "pictures.closing": QT_TRANSLATE_NOOP("Message", "“{name}” was not opened: the program is closing."),
    "pictures.no_memory": QT_TRANSLATE_NOOP("Message", "“{name}” needs more memory than a photo may use."),
    "pictures.is_folder": QT_TRANSLATE_NOOP("Message", "“{name}” is a folder, not a photo. Choose the photos in it."),
    "pictures.not_regular": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is not a regular file and cannot be opened as a photo. Save the photo to a file first."
    ),
    "pictures.empty": QT_TRANSLATE_NOOP("Message", "“{name}” is empty. Try copying it again from its source."),
    "pictures.file_too_large": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is {size:.1f} GB. Files above {limit:.1f} GB are not opened."
    ),
    "pictures.not_found": QT_TRANSLATE_NOOP("Message", "“{name}” was not found. It may have been moved or renamed."),
    "pictures.no_permission": QT_TRANSLATE_NOOP("Message", "“{name}” cannot be read: you do not have permission."),
    "pictures.unreadable": QT_TRANSLATE_NOOP("Message", "“{name}” cannot be read: {reason}."),
    "pictures.bad_name": QT_TRANSLATE_NOOP("Message", "“{name}” cannot be read: this is not a valid file name."),
    "pictures.too_many_pixels": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” is {width} × {height} pixels. The limit is {limit:.0f} megapixels (see Preferences).",
    ),
    "pictures.too_many_frames": QT_TRANSLATE_NOOP(
        "Message", "“{name}” holds {frames} pictures. Files with more than {limit} are not opened."
    ),
    "pictures.tiff_channels": QT_TRANSLATE_NOOP("Message", "“{name}” is a TIFF with more channels than a photo has."),
    "pictures.tiff_compression": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” is a TIFF with {compression} compression, which this program cannot read. "
        "Save it with another compression, such as LZW or Deflate.",
    ),
    "pictures.tiff_values": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a TIFF with a sample format that this program cannot read."
    ),
    "pictures.tiff_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a TIFF with a color model that this program cannot read."
    ),
    "pictures.jpeg_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a JPEG of a rare kind that is not supported. Save it as a baseline JPEG or PNG."
    ),
    "pictures.heif_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a HEIF file with {compression} compression, which this program cannot read."
    ),
    "pictures.jpegxl_cmyk": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a JPEG XL photo in CMYK, which is not supported. Save it as TIFF or JPEG."
    ),
    "pictures.psd_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a Photoshop file of a kind that is not supported. Save it as TIFF or PNG."
    ),
    "pictures.psd_no_picture": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” holds layers only. Save it with “Maximize compatibility”, or as TIFF or PNG.",
    ),
    "pictures.exr_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is an OpenEXR file without RGB or gray channels. Save it as RGB or gray."
    ),
    "pictures.png_of_apps": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” is a PNG for iPhone apps (CgBI), which is not supported. Save it as an ordinary PNG.",
    ),
    "pictures.bmp_kind": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a BMP of a rare kind that is not supported. Save it as PNG."
    ),
    "pictures.bmp_masks": QT_TRANSLATE_NOOP(
        "Message", "“{name}” is a BMP whose color masks are not supported. Save it as PNG."
    ),
    # What was converted or left out when a photo was opened.
    "pictures.first_only": QT_TRANSLATE_NOOP(
        "Message", "The file holds more than one picture. Only the first was opened."
    ),
    "pictures.hdr": QT_TRANSLATE_NOOP(
        "Message",
        "This is an HDR photo. It was converted to {space}, with its brightest parts compressed for standard screens.",
    ),
    "pictures.jpeg_no_end": QT_TRANSLATE_NOOP(
        "Message", "The end mark of the file is missing. The photo itself is complete."
    ),
    "pictures.jpeg_incomplete": QT_TRANSLATE_NOOP(
        "Message", "The end of the photo’s data is missing: its lower part may be gray or blurred."
    ),
    "pictures.layers_left_out": QT_TRANSLATE_NOOP(
        "Message", "The file holds the layers of an editor. Only the finished picture was opened."
    ),
    "pictures.exif_broken": QT_TRANSLATE_NOOP("Message", "The photo’s EXIF data is broken and was left out."),
    "pictures.xmp_extension_lost": QT_TRANSLATE_NOOP(
        "Message", "A part of the photo’s XMP data is missing or broken and was left out."
    ),
    "pictures.raw_maker_note": QT_TRANSLATE_NOOP(
        "Message", "The camera maker’s own notes in the RAW file were left out. The other EXIF data was kept."
    ),
    "pictures.gain_map": QT_TRANSLATE_NOOP(
        "Message",
        "This photo holds a gain map, its extra brightness for HDR screens. Only the normal picture was opened.",
    ),
    "pictures.film": QT_TRANSLATE_NOOP("Message", "This photo contains a short video. Only the picture was opened."),
    "pictures.profile_broken": QT_TRANSLATE_NOOP("Message", "The photo’s color profile is broken and was ignored."),
    "pictures.profile_hidden": QT_TRANSLATE_NOOP(
        "Message", "The photo’s color profile cannot be read from JPEG XL: its colors were read as sRGB."
    ),
    "pictures.profile_kind": QT_TRANSLATE_NOOP(
        "Message", "The photo’s color profile is for another color model and was ignored."
    ),
    "pictures.converted": QT_TRANSLATE_NOOP("Message", "The photo’s colors were converted from {profile} to {space}."),
    "pictures.unnamed_profile": QT_TRANSLATE_NOOP("Message", "a profile far from sRGB"),
    "pictures.converted_lab": QT_TRANSLATE_NOOP(
        "Message", "The photo’s Lab colors were converted to {space}, 16 bits."
    ),
    "pictures.converted_cmyk": QT_TRANSLATE_NOOP("Message", "The photo’s CMYK colors were converted to {space}."),
    "pictures.converted_cmyk_unprofiled": QT_TRANSLATE_NOOP(
        "Message", "The photo’s CMYK colors were converted to sRGB without a profile. They are approximate."
    ),
    "pictures.wrong_suffix": QT_TRANSLATE_NOOP("Message", "The file is named {suffix} but holds a {format} photo."),
    "pictures.float_scaled": QT_TRANSLATE_NOOP(
        "Message", "The photo holds floating-point values. They were scaled to 16 bits."
    ),
    "pictures.reduced_to_16_bits": QT_TRANSLATE_NOOP(
        "Message", "The photo holds 32-bit values. They were reduced to 16 bits."
    ),
    # What a file format cannot hold.
    "pictures.lost_alpha": QT_TRANSLATE_NOOP(
        "Message", "{format} cannot hold transparency: the photo was placed on white."
    ),
    "pictures.lost_profile": QT_TRANSLATE_NOOP(
        "Message", "{format} is written in sRGB: colors outside it were moved to the nearest ones inside."
    ),
    "pictures.lost_depth": QT_TRANSLATE_NOOP(
        "Message", "{format} holds 8 bits per channel: the photo’s 16 bits were rounded."
    ),
    "pictures.lost_metadata": QT_TRANSLATE_NOOP("Message", "{format} cannot hold metadata: it was left out."),
    "pictures.lost_block": QT_TRANSLATE_NOOP("Message", "{format} cannot hold {block} data: it was left out."),
    "pictures.lost_large_block": QT_TRANSLATE_NOOP(
        "Message", "The photo’s {block} data takes {size} kB, and {format} holds at most {limit} kB: it was left out."
    ),
    "pictures.lost_exif_values": QT_TRANSLATE_NOOP(
        "Message",
        "{format} holds at most {limit} kB of EXIF data: the largest values (usually the camera maker’s own notes) "
        "were left out.",
    ),
    "pictures.lost_texts": QT_TRANSLATE_NOOP(
        "Message", "{format} cannot hold the photo’s texts ({names}): they were left out."
    ),
    # Why a file is not written.
    "pictures.unknown_format": QT_TRANSLATE_NOOP(
        "Message", "“{format}” is not a format that this program writes. Choose one of {formats}."
    ),
    "pictures.too_long": QT_TRANSLATE_NOOP(
        "Message",
        "{format} holds at most {limit} pixels per side, but the photo is {width} × {height}. "
        "Choose another format or a smaller size.",
    ),
    "pictures.encoding_failed": QT_TRANSLATE_NOOP(
        "Message", "The photo could not be written as {format} ({reason}). Choose another format."
    ),
    "pictures.encoding_memory": QT_TRANSLATE_NOOP(
        "Message", "There is not enough memory to write the photo as {format}."
    ),
    "pictures.empty_crop": QT_TRANSLATE_NOOP("Message", "The crop lies outside the photo. Nothing was changed."),
    "pictures.exists": QT_TRANSLATE_NOOP(
        "Message", "“{name}” already exists. Choose another name, or replace the file."
    ),
    "pictures.unreadable_again": QT_TRANSLATE_NOOP("Message", "“{name}” could not be read again: {reason}."),
    "pictures.not_saved": QT_TRANSLATE_NOOP("Message", "“{name}” could not be saved: {reason}."),
    "pictures.not_saved_name": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the name contains a character that no file name may contain."
    ),
    "pictures.not_saved_full": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the disk is full. Free some space or choose another folder."
    ),
    "pictures.not_saved_quota": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” could not be saved: your quota on this disk is used up. Free some space or choose another folder.",
    ),
    "pictures.not_saved_permission": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” could not be saved: you do not have permission to write to the folder or the file. Choose another "
        "folder.",
    ),
    "pictures.not_saved_read_only": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the disk is read-only. Choose another folder."
    ),
    "pictures.not_saved_no_folder": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the folder does not exist. Choose another one."
    ),
    "pictures.not_saved_long_name": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the name is too long. Choose a shorter one."
    ),
    "pictures.not_saved_is_folder": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: a folder has that name. Choose another name."
    ),
    "pictures.not_saved_file_size": QT_TRANSLATE_NOOP(
        "Message",
        "“{name}” could not be saved: the disk cannot hold a file of that size. Choose another folder.",
    ),
    "pictures.not_saved_bad_name": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: the disk does not accept this name. Choose another one."
    ),
    "pictures.not_saved_link": QT_TRANSLATE_NOOP(
        "Message", "“{name}” could not be saved: it is a link to a file that does not exist. Choose another name."
    ),
}

"""Templates of documents, versions and projects."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "document.photo_too_large": QT_TRANSLATE_NOOP(
        "Message",
        "A photo of {megapixels} megapixels is too large; the limit is {limit} and can be changed in the preferences.",
    ),
    "document.project_too_large": QT_TRANSLATE_NOOP(
        "Message",
        "{path} cannot be opened: it holds a photo of {megapixels} megapixels; the limit is {limit} and can be changed "
        "in the preferences.",
    ),
    "document.too_many_versions": QT_TRANSLATE_NOOP(
        "Message",
        "This document has {limit} versions, and no more can be added. Export the photo and continue with the new "
        "file.",
    ),
    "document.too_many_turns": QT_TRANSLATE_NOOP(
        "Message",
        "This conversation has {limit} messages, and no more can be added. Export the photo and continue with the "
        "new file.",
    ),
    "document.turn_too_long": QT_TRANSLATE_NOOP("Message", "This message is too long to be stored. Shorten it."),
    "document.step_too_long": QT_TRANSLATE_NOOP(
        "Message", "The settings of this step cannot be stored, so its result was not stored. Choose other settings."
    ),
    "document.value_too_large": QT_TRANSLATE_NOOP(
        "Message", "A part of this photo is too large to be stored in {path}. Export the photo instead."
    ),
    "document.broken_icc": QT_TRANSLATE_NOOP("Message", "The photo's color profile is broken and was ignored."),
    "document.broken_exif": QT_TRANSLATE_NOOP("Message", "The photo's EXIF data is broken and was left out."),
    "document.broken_xmp": QT_TRANSLATE_NOOP("Message", "The photo's XMP data is broken and was left out."),
    "document.broken_iptc": QT_TRANSLATE_NOOP("Message", "The photo's IPTC data is broken and was left out."),
    "document.rejected": QT_TRANSLATE_NOOP("Message", "Rejected: {title}"),
    "document.damage_tile_list_length": QT_TRANSLATE_NOOP("Message", "A version's list of tiles has the wrong length."),
    "document.damage_endless": QT_TRANSLATE_NOOP("Message", "Reading it takes too long."),
    "document.damage_tiles_missing": QT_TRANSLATE_NOOP("Message", "Some of its tiles are missing."),
    "document.damage_step_form": QT_TRANSLATE_NOOP("Message", "The description of a version is malformed."),
    "document.damage_no_tree": QT_TRANSLATE_NOOP("Message", "Its versions do not form a tree."),
    "document.damage_turn_form": QT_TRANSLATE_NOOP("Message", "Its conversation is malformed."),
    "document.damage_region_size": QT_TRANSLATE_NOOP("Message", "A region is impossibly large."),
    "document.damage_region_outside": QT_TRANSLATE_NOOP("Message", "A region lies outside its photo."),
    "document.damage_depth": QT_TRANSLATE_NOOP("Message", "Its depth is neither 8 nor 16 bits."),
    "document.damage_no_head": QT_TRANSLATE_NOOP("Message", "No version is marked as the current one."),
    "document.damage_not_a_file": QT_TRANSLATE_NOOP("Message", "It is not a file."),
    "document.damage_not_a_project": QT_TRANSLATE_NOOP("Message", "It is not a Clarity project."),
    "document.damage_truncated": QT_TRANSLATE_NOOP("Message", "It is cut off; copy or download it again."),
    "document.damage_tables": QT_TRANSLATE_NOOP("Message", "Its tables are not those of a Clarity project."),
    "document.damage_damaged_tables": QT_TRANSLATE_NOOP("Message", "Its tables are damaged."),
    "document.damage_tile_misfit": QT_TRANSLATE_NOOP("Message", "A tile has the wrong size for its position."),
    "document.damage_tile_missing": QT_TRANSLATE_NOOP("Message", "A tile is missing."),
    "document.damage_model_version_form": QT_TRANSLATE_NOOP(
        "Message", "The record of the models that analyzed a version is malformed."
    ),
    "document.damage_quality_form": QT_TRANSLATE_NOOP("Message", "The scores of a version are malformed."),
    "document.damage_quality_count": QT_TRANSLATE_NOOP("Message", "A version has impossibly many scores."),
    "document.damage_detection_form": QT_TRANSLATE_NOOP("Message", "The detection of a version is malformed."),
    "document.damage_detection_classes": QT_TRANSLATE_NOOP(
        "Message", "The detection of a version does not cover every class."
    ),
    "document.damage_detection_degradations": QT_TRANSLATE_NOOP(
        "Message", "The detection of a version does not cover every degradation."
    ),
    "document.damage_heat": QT_TRANSLATE_NOOP("Message", "A heat map cannot be read."),
    "document.damage_json_form": QT_TRANSLATE_NOOP("Message", "A description is malformed."),
    "document.damage_json_type": QT_TRANSLATE_NOOP("Message", "A description is not text."),
    "document.damage_json": QT_TRANSLATE_NOOP("Message", "A description cannot be read."),
    "document.damage_number": QT_TRANSLATE_NOOP("Message", "A number is out of range."),
    "document.damage_name": QT_TRANSLATE_NOOP("Message", "A name is not text."),
    "document.damage_part_missing": QT_TRANSLATE_NOOP("Message", "A part is missing."),
    "document.damage_part_size": QT_TRANSLATE_NOOP("Message", "A part has the wrong size."),
    "document.damage_part_packed": QT_TRANSLATE_NOOP("Message", "A part cannot be unpacked."),
    "document.damage_part_truncated": QT_TRANSLATE_NOOP("Message", "A part is cut off."),
    "document.damage_tile_truncated": QT_TRANSLATE_NOOP("Message", "A tile is cut off."),
    "document.damage_tile_size": QT_TRANSLATE_NOOP("Message", "A tile has an impossible size."),
    "document.damage_tile_content": QT_TRANSLATE_NOOP("Message", "The content of a tile does not match its name."),
    "document.damage_thumbnail": QT_TRANSLATE_NOOP("Message", "A thumbnail is malformed."),
    "document.damage_version_count": QT_TRANSLATE_NOOP("Message", "It has an impossible number of versions: {count}."),
    "document.damage_region_count": QT_TRANSLATE_NOOP("Message", "It has an impossible number of regions: {count}."),
    "document.too_many_regions": QT_TRANSLATE_NOOP(
        "Message", "A document holds {limit} regions at most. Combine regions, or keep fewer of them."
    ),
    "document.no_region": QT_TRANSLATE_NOOP("Message", "That region is not part of the document. Select another one."),
    "document.damage_turn_count": QT_TRANSLATE_NOOP(
        "Message", "Its conversation has an impossible number of messages: {count}."
    ),
    "document.damage_unreadable": QT_TRANSLATE_NOOP("Message", "Its contents cannot be read."),
    "document.damage_photo_size": QT_TRANSLATE_NOOP("Message", "A photo of {megapixels} megapixels is too large."),
    "document.not_saved": QT_TRANSLATE_NOOP("Message", "{path} could not be saved."),
    "document.save_another_place": QT_TRANSLATE_NOOP("Message", "Choose another location; nothing is lost."),
    "document.system_error": QT_TRANSLATE_NOOP("Message", "The system reports: {reason}."),
    "document.save_disk_full": QT_TRANSLATE_NOOP("Message", "The disk is full."),
    "document.save_damaged": QT_TRANSLATE_NOOP("Message", "The working document is damaged."),
    "document.save_folder": QT_TRANSLATE_NOOP("Message", "The folder cannot be written to."),
    "document.copy_failed": QT_TRANSLATE_NOOP(
        "Message", "{path} cannot be opened ({reason}). Check the file, its disk and the free space."
    ),
    "document.cannot_open": QT_TRANSLATE_NOOP("Message", "{path} cannot be opened."),
    "document.choose_other": QT_TRANSLATE_NOOP("Message", "Choose another file, or an older copy of it."),
    "document.open_elsewhere": QT_TRANSLATE_NOOP(
        "Message", "{path} is open in another window of Clarity Desktop. Close it there first."
    ),
    "document.store_gone": QT_TRANSLATE_NOOP("Message", "{path} no longer exists, so it was not opened."),
    "document.region_gone": QT_TRANSLATE_NOOP(
        "Message", "The region of this step is no longer stored. Select it again."
    ),
    "document.no_room": QT_TRANSLATE_NOOP(
        "Message", "The disk with {folder} is full, so no result could be stored. Free some space first."
    ),
    "document.not_closed": QT_TRANSLATE_NOOP("Message", "{name} is not a closed document, so it was not erased."),
    "document.no_version": QT_TRANSLATE_NOOP(
        "Message", "This version is no longer part of the document. Choose another one."
    ),
    "document.version_deleted": QT_TRANSLATE_NOOP(
        "Message", "This version was deleted. Undelete it before you open it."
    ),
    "document.nothing_to_undo": QT_TRANSLATE_NOOP("Message", "There is nothing to undo: this is the original."),
    "document.nothing_to_redo": QT_TRANSLATE_NOOP("Message", "There is nothing to redo."),
    "document.original_stays": QT_TRANSLATE_NOOP(
        "Message", "The original cannot be deleted. Close the document instead."
    ),
    "document.damaged": QT_TRANSLATE_NOOP("Message", "“{title}” is damaged."),
    "document.go_elsewhere": QT_TRANSLATE_NOOP("Message", "Open another version or an older copy."),
    "document.unusable": QT_TRANSLATE_NOOP(
        "Message", "{path} cannot be used ({reason}). Check its disk and the permissions there."
    ),
    "document.closed": QT_TRANSLATE_NOOP("Message", "This document was closed. Open it again."),
    "document.read_only": QT_TRANSLATE_NOOP(
        "Message", "This document is open for viewing only. Export a version as a photo to work on it."
    ),
    "document.folder_not_writable": QT_TRANSLATE_NOOP(
        "Message", "{folder} cannot be written to ({reason}). Check its permissions and the free space."
    ),
    "document.newer": QT_TRANSLATE_NOOP(
        "Message",
        "This document was made by a newer version of Clarity Desktop. It can be viewed and exported, but not changed.",
    ),
    "document.sqlite_full": QT_TRANSLATE_NOOP(
        "Message",
        "The disk with {folder} is full, so the last change was not saved. Free some space and try again; "
        "all earlier changes are safe.",
    ),
    "document.sqlite_io": QT_TRANSLATE_NOOP(
        "Message",
        "{path} cannot be read or written, so the last change was not saved. Check its disk and try again; "
        "all earlier changes are safe.",
    ),
    "document.sqlite_corrupt": QT_TRANSLATE_NOOP(
        "Message", "{path} is damaged and cannot be read any further. Export what you can see, or open an older copy."
    ),
    "document.sqlite_not_a_document": QT_TRANSLATE_NOOP(
        "Message", "{path} is not a Clarity document. Choose another file."
    ),
    "document.sqlite_read_only": QT_TRANSLATE_NOOP(
        "Message", "You do not have permission to change {path}. Check the permissions of its folder."
    ),
    "document.sqlite_permission": QT_TRANSLATE_NOOP(
        "Message", "You do not have permission to open {path}. Check the permissions of its folder."
    ),
    "document.sqlite_cannot_open": QT_TRANSLATE_NOOP(
        "Message", "{path} cannot be opened. Check that it exists and that its folder is writable."
    ),
    "document.sqlite_busy": QT_TRANSLATE_NOOP(
        "Message", "{path} is in use by another program. Close that program and try again."
    ),
}

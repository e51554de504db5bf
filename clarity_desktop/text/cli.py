"""Templates of the command line."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "cli.internal_error": QT_TRANSLATE_NOOP(
        "Message", "Something went wrong inside Clarity Desktop. The details are in {log}."
    ),
    "cli.output_failed": QT_TRANSLATE_NOOP("Message", "The output could not be written: {reason}."),
    "cli.log_not_written": QT_TRANSLATE_NOOP("Message", "The log {log} cannot be written: {reason}."),
    "cli.no_working_folder": QT_TRANSLATE_NOOP(
        "Message", "The current folder has been deleted. Change to another folder and try again."
    ),
    "cli.one_output_for_many": QT_TRANSLATE_NOOP(
        "Message", "-o names one file, but there are several photos. Use --out-dir."
    ),
    "cli.auto_with_method": QT_TRANSLATE_NOOP(
        "Message", "--task auto chooses the methods itself. Omit --method, or name a task."
    ),
    "cli.folder_not_created": QT_TRANSLATE_NOOP(
        "Message", "The folder {folder} cannot be created: {reason}. Choose another one."
    ),
    "cli.mask_missing": QT_TRANSLATE_NOOP(
        "Message",
        "The task {task} needs a mask. Use --mask with a picture that is white where the photo is to be "
        "filled, or --text with words for that part.",
    ),
    "cli.exists": QT_TRANSLATE_NOOP(
        "Message",
        "{target} already exists. Name another file, or use --if-exists number, skip or overwrite.",
    ),
    "cli.would_replace_photo": QT_TRANSLATE_NOOP(
        "Message", "The result of {photo} would replace the photo {target}. Name another file; the photo is untouched."
    ),
    "cli.would_replace_mask": QT_TRANSLATE_NOOP(
        "Message", "The result of {photo} would replace the mask {target}. Name another file; the mask is untouched."
    ),
    "cli.would_replace_result": QT_TRANSLATE_NOOP(
        "Message", "{target} is already the result of {other}. Restore {photo} into another folder."
    ),
    "cli.mask_size": QT_TRANSLATE_NOOP(
        "Message",
        "The mask {mask} is {mask_width} × {mask_height} pixels, but the photo is {width} × {height}. "
        "A mask must be as large as the photo after its orientation is applied.",
    ),
    "cli.mask_empty": QT_TRANSLATE_NOOP("Message", "The mask {mask} selects nothing: it has no white pixel."),
    "cli.mask_dark": QT_TRANSLATE_NOOP(
        "Message",
        "The mask {mask} is almost black: its brightest pixel has the value {brightest} of 255. "
        "Paint the part to be restored white.",
    ),
    "cli.feather_of_part": QT_TRANSLATE_NOOP(
        "Message", "--feather softens the edge of a part. Name the part by --mask or by --text."
    ),
    "cli.segment_what": QT_TRANSLATE_NOOP(
        "Message",
        "Say what to select in one way: by --point and --box, or by --text. `clarity segment --help` shows examples.",
    ),
    "cli.boxes_of_words": QT_TRANSLATE_NOOP(
        "Message", "--boxes lists what --text names and writes no mask. Give --text, and leave -o out."
    ),
    "cli.mask_file_missing": QT_TRANSLATE_NOOP("Message", "Name the file for the mask: -o MASK.png."),
    "cli.mask_not_png": QT_TRANSLATE_NOOP(
        "Message", "A mask is written as PNG, which keeps it exactly. Name a file that ends in .png instead of {name}."
    ),
    "cli.format_unknown": QT_TRANSLATE_NOOP(
        "Message", "The name {name} does not end in a format that can be written: {suffixes}."
    ),
    "cli.no_photo": QT_TRANSLATE_NOOP("Message", "The photo {path} does not exist, or is no file."),
    "cli.history_too_large": QT_TRANSLATE_NOOP("Message", "The history {path} is too large to be a conversation."),
    "cli.history_not_read": QT_TRANSLATE_NOOP("Message", "The history {path} cannot be read: it must be a JSON file."),
    "cli.model_name_missing": QT_TRANSLATE_NOOP(
        "Message", "`clarity models {verb}` needs a name. `clarity models list` shows them."
    ),
    "cli.model_file_missing": QT_TRANSLATE_NOOP(
        "Message", "`clarity models import` needs the name of a weights file, or of a folder with models."
    ),
    "cli.training_missing": QT_TRANSLATE_NOOP(
        "Message",
        "`clarity {command} {what}` needs the training package, which is not installed. "
        "In a checkout of Clarity Desktop, `pip install ./training` installs it.",
    ),
    # The conversation.
    "cli.project_name": QT_TRANSLATE_NOOP(
        "Message", "A project is written as a .clarity file. Name one that ends in .clarity instead of {name}."
    ),
    "cli.project_exists": QT_TRANSLATE_NOOP("Message", "{project} already exists. Name another file."),
    "cli.project_folder": QT_TRANSLATE_NOOP(
        "Message", "{project} cannot be written, because its folder does not exist. Name a file in another folder."
    ),
    "cli.project_saved": QT_TRANSLATE_NOOP("Message", "All versions and the conversation were saved as {project}."),
    "cli.ask_project": QT_TRANSLATE_NOOP(
        "Message", "To save all versions and the conversation, name a .clarity file; Enter alone saves nothing."
    ),
    "cli.chat_not_saved": QT_TRANSLATE_NOOP(
        "Message",
        "This conversation was not saved as a project. Its versions are kept for a while: in the window, choose "
        "File > Reopen a closed document, then “{title}”. With -o PROJECT.clarity they are saved at the end.",
    ),
    "cli.chat_keys": QT_TRANSLATE_NOOP(
        "Message", "Say what to do. Ctrl+C stops the running step, Ctrl+D ends the conversation."
    ),
    "cli.chat_by_model": QT_TRANSLATE_NOOP(
        "Message", "The language model {model} answers, as chosen in Preferences > Language model."
    ),
    "cli.chat_stopping": QT_TRANSLATE_NOOP(
        "Message",
        "The step is being stopped. Press Ctrl+C again to end the program at once; the finished versions are then "
        "offered when the window is opened.",
    ),
    "cli.chat_other_photo": QT_TRANSLATE_NOOP("Message", "That photo is {path}; open it with `clarity chat`."),
    "cli.chat_selection_cleared": QT_TRANSLATE_NOOP("Message", "The selection is cleared."),
}

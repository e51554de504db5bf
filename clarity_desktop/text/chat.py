"""Templates of the conversation."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Answers that need no tool.
    "chat.help": QT_TRANSLATE_NOOP(
        "Message",
        "I can detect problems, remove noise, blur, rain, haze and other degradations, brighten a dark photo and "
        "retouch it. Say for example “remove the rain”, “first denoise, then brighten it a bit”, “dehaze with "
        "maxim-dehazing-outdoor”, “what is wrong with it?”, “fix it”, “rotate it left”, “undo”, “back to the "
        "original” or “compare”.",
    ),
    "chat.not_understood": QT_TRANSLATE_NOOP(
        "Message", "I did not understand that. Nothing was changed. Say “help” for examples."
    ),
    "chat.off_topic": QT_TRANSLATE_NOOP("Message", "I can only help with this photo. Say “help” to see what I can do."),
    "chat.greeting": QT_TRANSLATE_NOOP(
        "Message", "Hello! Tell me what to do with the photo, or ask “what is wrong with it?”."
    ),
    "chat.welcome": QT_TRANSLATE_NOOP("Message", "You’re welcome."),
    "chat.english_only": QT_TRANSLATE_NOOP("Message", "I understand only English for now."),
    "chat.no_colorize": QT_TRANSLATE_NOOP("Message", "I cannot colorize photos. Nothing was changed."),
    "chat.follow_up": QT_TRANSLATE_NOOP(
        "Message",
        "There is no last step to do again, stronger or weaker. Name the step and how much, for example “denoise by "
        "30%”.",
    ),
    "chat.cannot": QT_TRANSLATE_NOOP(
        "Message",
        "I cannot do that: I repair photos and adjust light and color, but I do not invent or replace what they show. "
        "Nothing was changed by that.",
    ),
    "chat.no_other_method": QT_TRANSLATE_NOOP(
        "Message", "There is no other method for this, so I try another strength of the same one."
    ),
    "chat.ask_remove": QT_TRANSLATE_NOOP("Message", "What shall I remove?"),
    "chat.ask_change": QT_TRANSLATE_NOOP("Message", "What shall I change, and where?"),
    "chat.ask_light": QT_TRANSLATE_NOOP("Message", "Is it too dark or too bright?"),
    "chat.ask_size": QT_TRANSLATE_NOOP("Message", "Shall I make the photo larger, or crop it?"),
    "chat.which_version": QT_TRANSLATE_NOOP("Message", "Which version do you mean? Name it by its number or its step."),
    "chat.nothing_changed": QT_TRANSLATE_NOOP("Message", "Nothing was changed."),
    "chat.no_such_method": QT_TRANSLATE_NOOP("Message", "There is no method “{method}”; the default method is used."),
    "chat.no_such_version": QT_TRANSLATE_NOOP("Message", "There is no version {number}."),
    "chat.undo_question": QT_TRANSLATE_NOOP("Message", "Undo the last change?"),
    "chat.method_for_other_task": QT_TRANSLATE_NOOP(
        "Message", "The method {method} is for other tasks; where a task was named, its default method is used."
    ),
    "chat.nothing_to_confirm": QT_TRANSLATE_NOOP("Message", "No question is open. Nothing was changed."),
    # Messages that the window suggests. The planner understands their English form.
    "chat.say_fix": QT_TRANSLATE_NOOP("Message", "Fix it"),
    "chat.say_find": QT_TRANSLATE_NOOP("Message", "What is wrong?"),
    "chat.say_download": QT_TRANSLATE_NOOP("Message", "Download and restore"),
    # Questions before a long run.
    "chat.takes_long": QT_TRANSLATE_NOOP("Message", "This takes about {time} on this computer. Start?"),
    "chat.takes_long_or_part": QT_TRANSLATE_NOOP(
        "Message",
        "The whole photo takes about {whole} on this computer, the visible part about {part}. Restore “all” of it or "
        "the “visible” part only?",
    ),
    "chat.auto_takes_long": QT_TRANSLATE_NOOP("Message", "Auto takes about {time} on this computer. Start?"),
    "chat.needs_models": QT_TRANSLATE_NOOP(
        "Message",
        "This needs the model {models} ({size}), which is not installed. Download it and restore? The restoration then "
        "takes about {time}.",
    ),
    "chat.needs_models_to_find": QT_TRANSLATE_NOOP(
        "Message",
        "Finding that in the photo needs the model {models} ({size}), which is not installed. Download it and go on?",
    ),
    "chat.download_failed": QT_TRANSLATE_NOOP(
        "Message",
        "The model could not be downloaded, so nothing was changed. You can also import it from a file: choose "
        "Photo > Models.",
    ),
    # Results of tools.
    "chat.restored": QT_TRANSLATE_NOOP("Message", "{title} with {method} in {time}."),
    "chat.transformed": QT_TRANSLATE_NOOP("Message", "{title}."),
    "chat.shown": QT_TRANSLATE_NOOP("Message", "Now showing “{title}”."),
    "chat.original_shown": QT_TRANSLATE_NOOP(
        "Message", "Now showing the original; the other versions stay in the Versions panel."
    ),
    "chat.nothing_to_compare": QT_TRANSLATE_NOOP(
        "Message", "This is the original: there is nothing to compare it with."
    ),
    "chat.compared": QT_TRANSLATE_NOOP(
        "Message",
        "Now comparing the two versions: Y shows them side by side, Shift+Y with a split line, E one at a time.",
    ),
    "chat.not_the_last": QT_TRANSLATE_NOOP(
        "Message", "The last change is “{last}”, so nothing was undone. Say “undo” to undo that."
    ),
    "chat.size": QT_TRANSLATE_NOOP("Message", "The photo is {width} × {height} pixels with {depth} bits per channel."),
    "chat.no_steps": QT_TRANSLATE_NOOP("Message", "Nothing has been changed so far."),
    "chat.steps": QT_TRANSLATE_NOOP("Message", "Done so far: {steps}."),
    "chat.last_steps": QT_TRANSLATE_NOOP("Message", "{count} steps so far. The last ones: {steps}."),
    "chat.adjusted": QT_TRANSLATE_NOOP("Message", "{title}. Open the Adjust panel to change how much."),
    "chat.which_white_balance": QT_TRANSLATE_NOOP(
        "Message",
        "Say “warmer” or “cooler”, or open the Adjust panel and pick a point of the photo that should be gray.",
    ),
    "chat.how_much": QT_TRANSLATE_NOOP(
        "Message", "Say by how much, for example “rotate left”, “straighten by 2 degrees” or “crop to 4:3”."
    ),
    "chat.quoted": QT_TRANSLATE_NOOP("Message", "{text}"),
    # Parts of the photo.
    "chat.selected": QT_TRANSLATE_NOOP("Message", "“{region}” is selected: {percent}% of the photo."),
    "chat.clear_selection": QT_TRANSLATE_NOOP("Message", "Press Esc to clear the selection."),
    "chat.found_box": QT_TRANSLATE_NOOP("Message", "{label} ({percent}%)"),
    "chat.found_one": QT_TRANSLATE_NOOP("Message", "One found: {box}."),
    "chat.found_several": QT_TRANSLATE_NOOP("Message", "{count} found: {boxes}."),
    "chat.found_many": QT_TRANSLATE_NOOP("Message", "{count} found, of which these are the most certain: {boxes}."),
    "chat.only_part": QT_TRANSLATE_NOOP("Message", "Only “{region}” was changed."),
    "chat.only_selected": QT_TRANSLATE_NOOP("Message", "Only the selected part was changed."),
    "chat.only_not_selected": QT_TRANSLATE_NOOP("Message", "The selected part was not changed."),
    "chat.adjusted_part": QT_TRANSLATE_NOOP("Message", "{title}."),
    "chat.damage_selected": QT_TRANSLATE_NOOP(
        "Message",
        "What looks damaged is selected, and nothing was changed yet. Correct the selection where it is wrong (B "
        "paints), then say “fill this part” or press Del.",
    ),
    "chat.nothing_selected": QT_TRANSLATE_NOOP(
        "Message",
        "Nothing is selected, so nothing was changed. Select a part of the photo first: press Q and click on it, or "
        "say what is meant, for example “only the sky”.",
    ),
    "chat.nothing_to_repeat": QT_TRANSLATE_NOOP(
        "Message",
        "Nothing has been changed yet, so there is nothing to repeat. Say what to do, for example “denoise the sky”.",
    ),
    # Turns that ended early.
    "chat.cancelled": QT_TRANSLATE_NOOP("Message", "Cancelled."),
    "chat.failed": QT_TRANSLATE_NOOP("Message", "An internal error stopped this step. See the log for details."),
    # Tools that have no engine yet.
    "chat.no_fuse": QT_TRANSLATE_NOOP("Message", "I cannot combine versions yet. Nothing was changed."),
    "chat.no_export": QT_TRANSLATE_NOOP("Message", "Choose File > Export to save the photo as a file."),
    # Plans from outside.
    "chat.bad_step": QT_TRANSLATE_NOOP("Message", "The plan has a step that is not valid: {step}."),
    "chat.bad_history": QT_TRANSLATE_NOOP(
        "Message",
        "The history is not valid: it is a list of turns, each with “role”, “text” and, of the assistant, “steps” and "
        "“versions”.",
    ),
    "chat.bad_plan": QT_TRANSLATE_NOOP("Message", "The plan is not valid."),
}

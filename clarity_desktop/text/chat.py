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
    "chat.another_method": QT_TRANSLATE_NOOP(
        "Message", "I try {method} instead of {other}, from the version before it."
    ),
    "chat.second_pass": QT_TRANSLATE_NOOP(
        "Message", "There is no other method for this, so I run the same one again on its result."
    ),
    "chat.all_tried": QT_TRANSLATE_NOOP(
        "Message",
        "There is nothing left to try for “{task}”: {methods} ran already. Say “undo” to go back, or open another "
        "result in the Versions panel.",
    ),
    "chat.undo_or_another": QT_TRANSLATE_NOOP(
        "Message", "Undo the last change? Or say “try another”: then I use {method} instead."
    ),
    "chat.looks_worse": QT_TRANSLATE_NOOP(
        "Message", "It seems to look worse than before. Say “undo” to go back, or “try another” for another method."
    ),
    "chat.no_difference": QT_TRANSLATE_NOOP(
        "Message",
        "It does not seem to look better than before. Say “undo” to go back, or “try another” for another method.",
    ),
    "chat.all_done": QT_TRANSLATE_NOOP("Message", "All {count} steps are done; the photo shows the result."),
    "chat.all_done_with_score": QT_TRANSLATE_NOOP(
        "Message",
        "All {count} steps are done; the photo shows the result. Overall score {before:.0f} → {after:.0f}.",
    ),
    "chat.ask_remove": QT_TRANSLATE_NOOP("Message", "What shall I remove?"),
    "chat.ask_change": QT_TRANSLATE_NOOP("Message", "What shall I change, and where?"),
    "chat.ask_light": QT_TRANSLATE_NOOP("Message", "Is it too dark or too bright?"),
    "chat.ask_size": QT_TRANSLATE_NOOP("Message", "Shall I make the photo larger, or crop it?"),
    "chat.which_version": QT_TRANSLATE_NOOP("Message", "Which version do you mean? Name it by its number or its step."),
    "chat.is_shown": QT_TRANSLATE_NOOP(
        "Message", "That is the version that is shown, so its part of the photo is there already. Nothing was changed."
    ),
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
    "chat.say_here": QT_TRANSLATE_NOOP("Message", "{task} only here"),
    "chat.say_another": QT_TRANSLATE_NOOP("Message", "Try another method"),
    "chat.say_compare": QT_TRANSLATE_NOOP("Message", "Compare with the original"),
    "chat.say_undo": QT_TRANSLATE_NOOP("Message", "Undo"),
    "chat.say_same": QT_TRANSLATE_NOOP("Message", "Do the same here"),
    "chat.say_score": QT_TRANSLATE_NOOP("Message", "How good is it?"),
    "chat.say_content": QT_TRANSLATE_NOOP("Message", "What does the photo show?"),
    "chat.say_no": QT_TRANSLATE_NOOP("Message", "No"),
    "chat.say_this_photo": QT_TRANSLATE_NOOP("Message", "this photo"),
    "chat.say_run": QT_TRANSLATE_NOOP("Message", "Run it"),
    "chat.say_run_visible": QT_TRANSLATE_NOOP("Message", "Run it on the visible part"),
    # Questions before a long run.
    "chat.plan_ready": QT_TRANSLATE_NOOP("Message", "This is the plan. Change it as you like, then run it."),
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
    "chat.found_nothing": QT_TRANSLATE_NOOP(
        "Message", "But it found nothing to change. Say “try another” for another method."
    ),
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
    "chat.which_part": QT_TRANSLATE_NOOP(
        "Message", "I cannot tell what to do with {parts}, so nothing was changed. Say it in a message of its own."
    ),
    # Other photos.
    "chat.no_earlier_photo": QT_TRANSLATE_NOOP(
        "Message", "This conversation began with this photo: there is no earlier one."
    ),
    "chat.photo_gone": QT_TRANSLATE_NOOP(
        "Message",
        "“{title}” was not found: it is neither open nor where it was. If you moved it, open it from its new place.",
    ),
    "chat.photo_shown": QT_TRANSLATE_NOOP("Message", "Now showing “{title}”, the photo from before."),
    "chat.photo_asked": QT_TRANSLATE_NOOP(
        "Message", "That is about “{title}”: the answer is in the conversation of that photo."
    ),
    "chat.same_not_open": QT_TRANSLATE_NOOP(
        "Message", "What was done to “{title}” is known only while it is open. Open it, then say it again here."
    ),
    "chat.same_nothing": QT_TRANSLATE_NOOP(
        "Message", "The conversation about “{title}” changed nothing there that could be repeated here."
    ),
    "chat.photos_apart": QT_TRANSLATE_NOOP(
        "Message",
        "I cannot combine or compare “{title}” with this photo: each photo has its own versions. Say what to do with "
        "one of them. To repeat steps from one photo on another, save them as a macro.",
    ),
    # Parts of the photo.
    "chat.selected": QT_TRANSLATE_NOOP("Message", "“{region}” is selected: {percent}% of the photo."),
    "chat.selection_cleared": QT_TRANSLATE_NOOP("Message", "Nothing is selected any more."),
    "chat.other_scale": QT_TRANSLATE_NOOP("Message", "Photos can be enlarged {scales} times; {scale} comes closest."),
    "chat.nothing_was_selected": QT_TRANSLATE_NOOP("Message", "Nothing is selected, so there is nothing to clear."),
    "chat.found_box": QT_TRANSLATE_NOOP("Message", "{label} ({percent}%)"),
    "chat.found_one": QT_TRANSLATE_NOOP("Message", "One found: {box}."),
    "chat.found_several": QT_TRANSLATE_NOOP("Message", "{count} found: {boxes}."),
    "chat.found_many": QT_TRANSLATE_NOOP("Message", "{count} found, of which these are the most certain: {boxes}."),
    "chat.only_part": QT_TRANSLATE_NOOP("Message", "Only “{region}” was changed."),
    "chat.only_selected": QT_TRANSLATE_NOOP("Message", "Only the selected part was changed."),
    "chat.only_not_selected": QT_TRANSLATE_NOOP("Message", "The selected part was not changed."),
    "chat.only_box": QT_TRANSLATE_NOOP("Message", "Only a rectangle of the photo was changed."),
    "chat.only_outside_box": QT_TRANSLATE_NOOP("Message", "A rectangle of the photo was not changed."),
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
    # Files.
    "chat.export_question": QT_TRANSLATE_NOOP(
        "Message", "Save “{title}” as {path}? The photo that you opened stays as it is."
    ),
    "chat.exported": QT_TRANSLATE_NOOP("Message", "Saved as {path} ({size})."),
    "chat.no_such_format": QT_TRANSLATE_NOOP(
        "Message", "I cannot write “{format}” files. The formats are: {formats}. Nothing was written."
    ),
    "chat.not_confirmed": QT_TRANSLATE_NOOP(
        "Message", "No file was written, because that needs your confirmation. Say “save it” to be asked."
    ),
    # Turns that ended early.
    "chat.cancelled": QT_TRANSLATE_NOOP("Message", "Cancelled."),
    "chat.failed": QT_TRANSLATE_NOOP("Message", "An internal error stopped this step. See the log for details."),
    # Several versions.
    "chat.fused": QT_TRANSLATE_NOOP("Message", "I combined {count} versions: each part comes from those that agree."),
    "chat.one_fits": QT_TRANSLATE_NOOP(
        "Message", "Only one of the versions fits the photo, so the result is that version."
    ),
    "chat.merged": QT_TRANSLATE_NOOP("Message", "A part now comes from “{title}”."),
    "chat.nothing_to_fuse": QT_TRANSLATE_NOOP(
        "Message",
        "There are not two results of the same version to combine. Restore the photo by two methods first, for example "
        "“try another method”, or choose Compare methods.",
    ),
    # Plans from outside.
    "chat.bad_step": QT_TRANSLATE_NOOP("Message", "The plan has a step that is not valid: {step}."),
    "chat.bad_history": QT_TRANSLATE_NOOP(
        "Message",
        "The history is not valid: it is a list of turns, each with “role”, “text” and, of the assistant, “steps” and "
        "“versions”.",
    ),
    "chat.bad_plan": QT_TRANSLATE_NOOP("Message", "The plan is not valid."),
}

"""Templates of the language model: what it may not do, and how its server fails."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # The server cannot be used.
    "llm.no_model_chosen": QT_TRANSLATE_NOOP(
        "Message",
        "No language model is chosen. Choose one in Preferences > Language model, or switch the language model off "
        "there.",
    ),
    "llm.bad_url": QT_TRANSLATE_NOOP(
        "Message",
        "“{url}” is not the address of a server. Enter a base URL such as http://localhost:11434/v1 in Preferences > "
        "Language model.",
    ),
    "llm.key_in_clear": QT_TRANSLATE_NOOP(
        "Message",
        "The key was not sent, because the connection to {server} is not encrypted. Use an address that begins with "
        "https:// in Preferences > Language model.",
    ),
    "llm.offline": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} cannot be reached. Nothing more was done. Check the network connection and "
        "that the server runs, then send the message again; or switch the language model off in Preferences.",
    ),
    "llm.timeout": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} did not answer in time. Nothing more was done. Send the message again, or "
        "choose a smaller model in Preferences.",
    ),
    "llm.wrong_key": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} does not accept the key. Nothing more was done. Enter a valid key in "
        "Preferences > Language model.",
    ),
    "llm.forbidden": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} does not allow the use of {model} with this key. Nothing more was done. "
        "Choose another model or key in Preferences > Language model.",
    ),
    "llm.no_such_model": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} has no model {model}, or the address is wrong. Nothing more was done. "
        "Choose a model in Preferences > Language model.",
    ),
    "llm.no_list": QT_TRANSLATE_NOOP(
        "Message",
        "The server {server} does not list its models. Check the address, which usually ends with /v1, or type the "
        "name of the model.",
    ),
    "llm.rate_limit": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} has received too many requests. Nothing more was done. Send the message "
        "again later.",
    ),
    "llm.rate_limit_wait": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} has received too many requests and asks to wait for {time}. Nothing more "
        "was done. Send the message again after that.",
    ),
    "llm.quota": QT_TRANSLATE_NOOP(
        "Message",
        "The account at {server} has no credit left. Nothing more was done. Add credit there, or choose another server "
        "in Preferences > Language model.",
    ),
    "llm.server_error": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} failed with error {code}. Nothing more was done. Send the message again "
        "later.",
    ),
    "llm.refused": QT_TRANSLATE_NOOP(
        "Message", "The language model server {server} refused the request: “{reason}”. Nothing more was done."
    ),
    "llm.redirect": QT_TRANSLATE_NOOP(
        "Message",
        "The language model server {server} redirects to another address. The message was not sent there. Enter the "
        "right address in Preferences > Language model.",
    ),
    "llm.not_a_server": QT_TRANSLATE_NOOP(
        "Message",
        "{server} does not answer like a language model server. Nothing more was done. Check the address in "
        "Preferences > Language model; it usually ends with /v1.",
    ),
    # The reply cannot be used.
    "llm.broken": QT_TRANSLATE_NOOP(
        "Message",
        "The connection to {server} broke during the reply, so the reply is incomplete and no further step was run. "
        "Send the message again.",
    ),
    "llm.cut": QT_TRANSLATE_NOOP(
        "Message", "The language model stopped in the middle of its reply, so no further step was run."
    ),
    "llm.too_large": QT_TRANSLATE_NOOP(
        "Message", "The reply of the language model was too long. It was cut off here, and no further step was run."
    ),
    "llm.empty": QT_TRANSLATE_NOOP(
        "Message", "The language model sent an empty reply. Nothing more was done. Send the message again."
    ),
    "llm.malformed": QT_TRANSLATE_NOOP(
        "Message",
        "The language model repeatedly requested steps that are not valid, so they were not run. Say it in other "
        "words, or choose another model in Preferences.",
    ),
    "llm.malformed_plan": QT_TRANSLATE_NOOP(
        "Message",
        "The language model did not answer with a valid plan, so nothing was run. Say it in other words, or choose "
        "another model in Preferences.",
    ),
    "llm.endless": QT_TRANSLATE_NOOP(
        "Message",
        "The language model kept requesting further steps, so it was stopped after {rounds} rounds. What was done is "
        "kept and can be undone.",
    ),
    "llm.false_claim": QT_TRANSLATE_NOOP(
        "Message",
        "Note: the language model says that something was done, but nothing was changed in reply to this message. The "
        "photo is as it was.",
    ),
    "llm.false_claim_of_tasks": QT_TRANSLATE_NOOP(
        "Message", "Note: the language model also mentions a step that was not run: {tasks}."
    ),
    "llm.false_file": QT_TRANSLATE_NOOP(
        "Message", "Note: the language model says that a file was written, but no file was written."
    ),
    # Sentences that appear once.
    "llm.no_tools": QT_TRANSLATE_NOOP(
        "Message", "{model} cannot call tools, so it is asked for a plan instead. Its replies are simpler."
    ),
    "llm.photo_sent": QT_TRANSLATE_NOOP(
        "Message",
        "The photo was sent to {server}, reduced to {width} × {height} pixels and without metadata. Preferences > "
        "Language model switches this off.",
    ),
    "llm.photo_refused": QT_TRANSLATE_NOOP("Message", "{model} cannot look at photos, so only text was sent."),
    "llm.waits": QT_TRANSLATE_NOOP("Message", "The server is busy; trying again in {time}"),
    # Preferences.
    "llm.key_stored": QT_TRANSLATE_NOOP("Message", "The key for {server} is in the keyring of this system."),
    "llm.key_for_session": QT_TRANSLATE_NOOP(
        "Message",
        "This system has no keyring that can keep the key, so it is kept until the program ends and stored nowhere.",
    ),
    "llm.key_removed": QT_TRANSLATE_NOOP("Message", "The key for {server} was removed."),
    "llm.key_not_removed": QT_TRANSLATE_NOOP(
        "Message",
        "The keyring of this system did not remove the key for {server}. Remove the entry “{entry}” with the password "
        "manager of the system.",
    ),
    "llm.models_found": QT_TRANSLATE_NOOP("Message", "{server} offers {count} models."),
    "llm.no_models": QT_TRANSLATE_NOOP(
        "Message", "{server} offers no model. Install or load one there, then load the list again."
    ),
    "llm.works": QT_TRANSLATE_NOOP("Message", "{model} answers and can call tools."),
    "llm.works_by_plans": QT_TRANSLATE_NOOP(
        "Message", "{model} answers, but cannot call tools; it will be asked for plans instead."
    ),
}

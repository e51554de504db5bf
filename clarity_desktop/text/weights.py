"""Templates of model weights: finding, downloading and importing them.

The field `detail` holds a technical reason in English (an error of the system or of a library).
"""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Models
    "weights.unknown_model": QT_TRANSLATE_NOOP(
        "Message", "There is no model “{model}”. The available models are {models}."
    ),
    "weights.file_not_installed": QT_TRANSLATE_NOOP(
        "Message",
        "The model “{title}” ({size}) is not installed. Download it with `clarity models fetch {model}`, or download "
        "{url} yourself and put it in the folder {folder}.",
    ),
    "weights.files_not_installed": QT_TRANSLATE_NOOP(
        "Message",
        "The model “{title}” ({size}) is not installed. Download it with `clarity models fetch {model}`, or download "
        "all files from {url} yourself and put them in the folder {folder}.",
    ),
    "weights.bundled_missing": QT_TRANSLATE_NOOP(
        "Message", "The file of the bundled model “{title}” is missing or damaged. Reinstall Clarity Desktop."
    ),
    "weights.bundled_stays": QT_TRANSLATE_NOOP(
        "Message", "“{title}” is part of Clarity Desktop and cannot be removed. Only downloaded models can."
    ),
    "weights.modified": QT_TRANSLATE_NOOP(
        "Message",
        "The file of the model “{title}” was modified after it was installed. It was moved to {folder} and is not "
        "used. Download it again with `clarity models fetch {model}`.",
    ),
    "weights.invalid": QT_TRANSLATE_NOOP(
        "Message",
        "The model “{title}” cannot be used because its content is not valid ({detail}). Its files were moved to "
        "{folder}.",
    ),
    "weights.folder_unusable": QT_TRANSLATE_NOOP(
        "Message",
        "The model folder {folder} cannot be used: {detail} ({file}). Free some disk space or check the permissions "
        "of the folder, then try again.",
    ),
    # Import
    "weights.import_not_found": QT_TRANSLATE_NOOP(
        "Message", "{path} does not exist. Choose the file or folder that contains the model."
    ),
    "weights.import_unreadable": QT_TRANSLATE_NOOP(
        "Message",
        "{path} cannot be read: {detail}. Check its permissions, or copy it to another place, then try again.",
    ),
    "weights.import_unknown": QT_TRANSLATE_NOOP(
        "Message",
        "{path} contains no known model. Files are recognized by their size and SHA-256 checksum, so a damaged or "
        "modified file is not recognized either. `clarity models list` shows the known models.",
    ),
    # Weights files of the user's
    "weights.recognizing": QT_TRANSLATE_NOOP("Message", "Looking at {path}"),
    "weights.own_too_large": QT_TRANSLATE_NOOP(
        "Message", "{file} has {size}. Weights files of up to {limit} can be imported."
    ),
    "weights.own_wrong_type": QT_TRANSLATE_NOOP(
        "Message", "{file} is not a weights file. Choose a .safetensors or .pth file of a restoration network."
    ),
    "weights.own_damaged": QT_TRANSLATE_NOOP(
        "Message", "{file} is empty, incomplete or damaged, perhaps because its download was interrupted. Get it again."
    ),
    "weights.own_refused": QT_TRANSLATE_NOOP(
        "Message", "{file} was refused: {detail}. Nothing in it was run. Look for a .safetensors file of the network."
    ),
    "weights.own_unknown": QT_TRANSLATE_NOOP(
        "Message",
        "{file} contains the weights of no network that Clarity Desktop knows. The package spandrel_extra_arches, "
        "if it is installed, adds more.",
    ),
    "weights.own_other_channels": QT_TRANSLATE_NOOP(
        "Message", "{file} ({architecture}) takes other pictures than color or gray photos, so it cannot be used."
    ),
    "weights.own_does_not_run": QT_TRANSLATE_NOOP(
        "Message", "{file} looks like {architecture}, but it gave no usable picture when it was tried."
    ),
    "weights.own_other_task": QT_TRANSLATE_NOOP(
        "Message", "{file} cannot be used for this task. Choose one of: {tasks}."
    ),
    "weights.own_task_needed": QT_TRANSLATE_NOOP(
        "Message", "{file} ({architecture}) does not say what it restores. Name it with --task, one of: {tasks}."
    ),
    "weights.own_licence_needed": QT_TRANSLATE_NOOP(
        "Message",
        "{file} ({architecture}, {size}) states no license. Find out whether you may use it, then import it with "
        "--license and its name, for example --license MIT.",
    ),
    "weights.import_incomplete": QT_TRANSLATE_NOOP(
        "Message", "{path} contains only part of a model. It was stored until the rest is imported."
    ),
    "weights.files_missing": QT_TRANSLATE_NOOP("Message", "“{title}” still needs {files}."),
    "weights.archive_refused": QT_TRANSLATE_NOOP("Message", "The package {path} was refused."),
    "weights.archive_again": QT_TRANSLATE_NOOP("Message", "Download it again from its original source."),
    # Why a package was refused; these follow "weights.archive_refused" or "weights.package_refused"
    "weights.archive_damaged": QT_TRANSLATE_NOOP("Message", "It is damaged ({detail})."),
    "weights.archive_encrypted": QT_TRANSLATE_NOOP("Message", "It is encrypted."),
    "weights.archive_compression": QT_TRANSLATE_NOOP(
        "Message", "It contains {file}, whose compression method is not supported."
    ),
    "weights.archive_too_large": QT_TRANSLATE_NOOP("Message", "It unpacks to more than {size}."),
    "weights.archive_link": QT_TRANSLATE_NOOP("Message", "It contains {file}, which is a link or a device."),
    "weights.archive_path": QT_TRANSLATE_NOOP("Message", "It contains {file}, which is outside its folder."),
    "weights.archive_lacks": QT_TRANSLATE_NOOP("Message", "It does not contain {files}."),
    # Why a source failed; these follow "weights.download_failed"
    "weights.download_failed": QT_TRANSLATE_NOOP("Message", "The download failed."),
    "weights.unreachable": QT_TRANSLATE_NOOP("Message", "{url} could not be reached ({detail})."),
    "weights.status": QT_TRANSLATE_NOOP("Message", "{url} answered {status}."),
    "weights.stalled": QT_TRANSLATE_NOOP("Message", "{url} sent no data for {seconds} seconds."),
    "weights.interrupted": QT_TRANSLATE_NOOP("Message", "The connection to {url} was interrupted ({detail})."),
    "weights.insecure_redirect": QT_TRANSLATE_NOOP(
        "Message", "{url} redirects to {target}, which is not an https address."
    ),
    "weights.too_many_redirects": QT_TRANSLATE_NOOP("Message", "{url} redirects too many times."),
    "weights.proxy_unusable": QT_TRANSLATE_NOOP(
        "Message", "The network or proxy settings of this computer cannot be used ({detail})."
    ),
    "weights.incomplete": QT_TRANSLATE_NOOP(
        "Message", "{file} is incomplete: {received} of {size} bytes were received."
    ),
    "weights.wrong_checksum": QT_TRANSLATE_NOOP(
        "Message", "{file} does not match its checksum and was moved to {folder}."
    ),
    "weights.no_npm": QT_TRANSLATE_NOOP("Message", "npm is not installed, so {package} cannot be downloaded."),
    "weights.no_pip": QT_TRANSLATE_NOOP("Message", "pip is not available, so {package} cannot be downloaded."),
    "weights.client_failed": QT_TRANSLATE_NOOP("Message", "{client} could not download {package} ({detail})."),
    "weights.no_package": QT_TRANSLATE_NOOP("Message", "{client} downloaded no package for {package}."),
    "weights.package_refused": QT_TRANSLATE_NOOP("Message", "The package {package} was refused and moved to {folder}."),
    "weights.bundled_damaged": QT_TRANSLATE_NOOP("Message", "The bundled file {file} is missing or damaged."),
    # Progress
    "weights.waiting": QT_TRANSLATE_NOOP("Message", "Waiting for another process that uses this model"),
    "weights.downloading": QT_TRANSLATE_NOOP("Message", "Downloading {file}"),
    "weights.downloading_package": QT_TRANSLATE_NOOP("Message", "Downloading {package} with {client}"),
    "weights.checking": QT_TRANSLATE_NOOP("Message", "Checking {file}"),
    "weights.preparing": QT_TRANSLATE_NOOP("Message", "Preparing {title}"),
    "weights.searching": QT_TRANSLATE_NOOP("Message", "Searching {path} for models"),
}

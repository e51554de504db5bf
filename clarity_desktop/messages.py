"""Messages between the threads: requests to the backend, events from it, and how a request ends.

A request holds everything needed to answer it. An event names its document, so that it can be dropped once no window
shows that document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.errors import FileExists as FileExists
from clarity_desktop.errors import JobCancelled as JobCancelled
from clarity_desktop.errors import ModelMissing as ModelMissing
from clarity_desktop.errors import UserError as UserError
from clarity_desktop.settings import LlmSettings, Settings
from clarity_desktop.text import Message, Text
from clarity_desktop.values import (
    Adjustments,
    Advice,
    Bounds,
    Box,
    Click,
    Degradation,
    Detection,
    Distance,
    DocumentCard,
    DocumentId,
    EarlierPhoto,
    EngineCard,
    ExportOptions,
    Histogram,
    Json,
    LoadedModel,
    Manifest,
    MaskChange,
    MethodCard,
    MethodOption,
    ModelCard,
    OwnChoice,
    PhotoInfo,
    Pixels,
    Quality,
    RecognizedModel,
    Recovery,
    Region,
    RegionId,
    RestoreParams,
    StoredRegion,
    Task,
    TaskPreferences,
    Transform,
    Turn,
    Version,
    VersionId,
)

# Requests ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Open a photo or a .clarity project. → Opened, then Assessed.

    earlier: the document whose conversation goes on with this one.
    """

    path: Path
    earlier: DocumentId | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenPixels:
    """Open a pasted or dropped bitmap (sRGB). earlier: as in Open. → Opened"""

    pixels: Pixels
    alpha: NDArray[np.uint8] | NDArray[np.uint16] | None
    name: str
    earlier: DocumentId | None = None


@dataclass(frozen=True, slots=True)
class FindPhoto:
    """Find a photo that the conversation of a document was about before. number: in its `earlier`. → PhotoFound"""

    document: DocumentId
    number: int = 0


@dataclass(frozen=True, slots=True)
class FindRecoveries:
    """Look for documents that an earlier run did not close. → RecoveriesFound"""


@dataclass(frozen=True, slots=True)
class FindClosed:
    """Look for documents that were closed without being saved. → ClosedFound; Recover opens one."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Open a document that an earlier run left open. → Opened"""

    store: Path


@dataclass(frozen=True, slots=True)
class DiscardRecovery:
    """Move a document left by an earlier run to the closed documents; nothing is erased."""

    store: Path


@dataclass(frozen=True, slots=True)
class MeasureDisk:
    """Measure the disk space of documents, and find what to erase to stay within the budget. → DiskMeasured"""


@dataclass(frozen=True, slots=True)
class Prune:
    """Erase closed documents, which only the user may request. → DiskMeasured"""

    stores: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Close:
    document: DocumentId


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """→ ManifestReady"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class ReadTiles:
    """Read tiles by hash, in the given order. → TilesReady (several, as tiles become available)"""

    document: DocumentId
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadThumbnail:
    """Read a photo that is not open, much reduced, for the film strip. → ThumbnailReady, or nothing if it is broken"""

    path: Path


@dataclass(frozen=True, slots=True)
class ReadPixels:
    """Read a whole version, for the clipboard. → PixelsReady"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Restore:
    """Restore a version; the result becomes its child. → Progress, TileDone, VersionAdded, Assessed

    A run that is estimated to take long answers Offered instead, unless it is confirmed.
    """

    document: DocumentId
    version: VersionId
    params: RestoreParams
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Apply the step that made one version to another, with its recorded settings. → as Restore"""

    document: DocumentId
    version: VersionId  # the input
    made: VersionId  # whose step is repeated
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    """Restore the whole photo as parts of it were restored, from the version that the parts began from. → as Restore"""

    document: DocumentId
    version: VersionId  # the last of the parts
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class RepairOldPhoto:
    """Fill the scratches, creases, dust and missing corners of an old print, reduce its grain, correct its fading.

    → as Restore, for each step; then Notice. What is not found is left out.
    """

    document: DocumentId
    version: VersionId
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class TryMethods:
    """Run each choice on a version into a candidate: a child of it, like any other version; the head stays.

    → Progress, for each VersionsChanged and CandidateAdded, then its analysis; or CandidateFailed, and the others go
    on. What is finished stays when the request is cancelled. What is estimated to take long answers Offered instead,
    unless it is confirmed.
    """

    document: DocumentId
    version: VersionId
    choices: tuple[RestoreParams, ...]
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Fuse:
    """Fuse two to six versions into one, which becomes a child of `version` and the head. → Progress, VersionAdded

    version: the damaged photo that they were made from; None: the last version that all of them come from. region: only
    there; feather: pixels over which it softens inside its edge.
    """

    document: DocumentId
    versions: tuple[VersionId, ...]
    version: VersionId | None = None
    region: Region | None = None
    feather: int = 0


@dataclass(frozen=True, slots=True)
class MergePart:
    """Take a part of a version from another one ("the sky from 2"): a child of `version` and the head. → VersionAdded

    source: what the part is taken from. feather: pixels over which the region softens inside its edge.
    """

    document: DocumentId
    version: VersionId
    source: VersionId
    region: Region
    feather: int = 0


@dataclass(frozen=True, slots=True)
class Pick:
    """Show a version and remember that the user prefers it to others, its rivals. → HeadMoved, PreferencesListed"""

    document: DocumentId
    version: VersionId
    others: tuple[VersionId, ...]


@dataclass(frozen=True, slots=True)
class MeasureDifferences:
    """How far each of these versions is from another one, the reference. → DifferenceMeasured, one for each"""

    document: DocumentId
    versions: tuple[VersionId, ...]
    reference: VersionId


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate how long a restoration takes, for display: Restore estimates by itself. → Estimated

    bounds None: the whole photo.
    """

    document: DocumentId
    version: VersionId
    task: Task
    method: str | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Rank the methods of a task for a version; where bounds are given, for that part of it. → OptionsListed"""

    document: DocumentId
    version: VersionId
    task: Task
    bounds: Bounds | None = None


@dataclass(frozen=True, slots=True)
class ApplyTransform:
    """Crop, rotate, flip or straighten. → VersionAdded"""

    document: DocumentId
    version: VersionId
    transform: Transform


@dataclass(frozen=True, slots=True)
class Adjust:
    """Change light and color. → VersionAdded

    A version that was adjusted is adjusted again from its input: settings replace those of before. region: only there,
    and only settings of the same region are replaced. feather: pixels over which it softens inside its edge.
    """

    document: DocumentId
    version: VersionId
    settings: Adjustments
    region: Region | None = None
    feather: int = 0


@dataclass(frozen=True, slots=True)
class SetStrength:
    """Blend the input and the finished result of the restoration that made a version. → VersionAdded"""

    document: DocumentId
    version: VersionId
    strength: float


@dataclass(frozen=True, slots=True)
class Preview:
    """Compute what Adjust (change: settings) or SetStrength (change: strength) would show of a part. → PreviewDone

    region, feather: as in Adjust.
    """

    document: DocumentId
    version: VersionId
    change: Adjustments | float
    visible: Bounds
    scale: float  # pixels of the screen for each pixel of the photo
    region: Region | None = None
    feather: int = 0


@dataclass(frozen=True, slots=True)
class PickWhite:
    """Find the white balance that makes a pixel of a version gray. → WhitePicked"""

    document: DocumentId
    version: VersionId
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class ReadInfo:
    """Read the histogram and the facts of a version. → InfoReady"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Reset:
    """Add the photo as it was opened as a new child of the version, so that it can be undone. → VersionAdded"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class GoTo:
    """→ HeadMoved"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Undo:
    document: DocumentId


@dataclass(frozen=True, slots=True)
class Redo:
    document: DocumentId


@dataclass(frozen=True, slots=True)
class Edit:
    """Rename, star, delete, reject or bring back a version. → VersionsChanged

    None leaves a field, an empty name removes it. The user's star or rejection is a choice among methods, too.
    """

    document: DocumentId
    version: VersionId
    name: str | None = None
    star: bool | None = None
    deleted: bool | None = None
    rejected: bool | None = None


@dataclass(frozen=True, slots=True)
class Assess:
    """→ Assessed"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Detect:
    """Detect what is wrong with a version. → Detected"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Advise:
    """Suggest what to do; runs no method. → Detected (if not known), Advised"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class Improve:
    """Auto: detect, score, choose, restore, compare, roll back what made it worse. → as Restore, then Improved

    region: analyze and restore this part alone. visible: restore from its center outwards.
    """

    document: DocumentId
    version: VersionId
    visible: Bounds | None = None
    region: Region | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """Find the object at clicks and in boxes, several boxes for several objects. → Progress, Selected

    hint: that of the last Selected, whose mask these clicks correct. engine None: the best one on this machine.
    candidate: which of the masks that may be meant; the first one is the most likely.
    """

    document: DocumentId
    version: VersionId
    clicks: tuple[Click, ...] = ()
    boxes: tuple[Bounds, ...] = ()
    hint: NDArray[np.float32] | None = None
    engine: str | None = None
    candidate: int = 0


@dataclass(frozen=True, slots=True)
class SelectWords:
    """Select what words mean: "the man on the left", "everything but the sky", "where it is noisy". → Selected

    engine: makes masks from boxes; None: the best one on this machine.
    """

    document: DocumentId
    version: VersionId
    words: str
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class FindObjects:
    """Find what words mean, without masks. → ObjectsFound"""

    document: DocumentId
    version: VersionId
    words: str


@dataclass(frozen=True, slots=True)
class SelectWhere:
    """Select the part where the detector finds a degradation strongest. → Detected (if not known), Selected"""

    document: DocumentId
    version: VersionId
    degradation: Degradation


@dataclass(frozen=True, slots=True)
class Describe:
    """Say in sentences what is known of a version. → Described"""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class PrepareSelection:
    """Let the engine look at a version in the background, so that the first click is quick. → SelectionPrepared"""

    document: DocumentId
    version: VersionId
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class ListEngines:
    """→ EnginesListed"""


@dataclass(frozen=True, slots=True, eq=False)
class ChangeRegion:
    """Change a region of a version, or begin one (region None: nothing is selected). → RegionReady"""

    document: DocumentId
    version: VersionId
    region: Region | None
    change: MaskChange


@dataclass(frozen=True, slots=True, eq=False)
class KeepRegion:
    """Keep a region in the document, or put it in the place of another. → RegionsChanged

    name: may be empty. engine: what found it, empty for the user's own hand.
    """

    document: DocumentId
    version: VersionId
    region: Region
    name: str = ""
    engine: str = ""
    replaces: RegionId | None = None


@dataclass(frozen=True, slots=True)
class EditRegion:
    """Rename, delete or bring back a kept region; None leaves a field. → RegionsChanged"""

    document: DocumentId
    region: RegionId
    name: str | None = None
    deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class ReadRegion:
    """Read a kept region with its mask, as it lies in a version. → RegionReady"""

    document: DocumentId
    version: VersionId
    region: RegionId


@dataclass(frozen=True, slots=True)
class ImportRegion:
    """Read a region from a picture of a mask that has the size of the version. → RegionReady"""

    document: DocumentId
    version: VersionId
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class ExportRegion:
    """Write the mask of a region as a PNG file of the photo's size. → RegionExported, or fails with FileExists"""

    document: DocumentId
    region: Region
    path: Path
    overwrite: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzeRegion:
    """Detect what is wrong with a part of a version, score it, and suggest what to do with it. → RegionAnalyzed"""

    document: DocumentId
    version: VersionId
    region: Region


@dataclass(frozen=True, slots=True, eq=False)
class RemoveObject:
    """Fill a region with its surroundings, by the best method on this machine. → as Restore"""

    document: DocumentId
    version: VersionId
    region: Region
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """→ Exported"""

    document: DocumentId
    version: VersionId
    options: ExportOptions


@dataclass(frozen=True, slots=True)
class EstimateSize:
    """Compute the size of the exported file, in bytes. → SizeEstimated"""

    document: DocumentId
    version: VersionId
    options: ExportOptions


@dataclass(frozen=True, slots=True)
class SaveProject:
    """→ Saved"""

    document: DocumentId
    path: Path


@dataclass(frozen=True, slots=True)
class SendMessage:
    """One turn of the conversation. → TurnAdded and whatever the turn does

    visible: the part on screen. selected: what is selected, for "only here". numbered: the versions that the compare
    view shows under the numbers 1, 2, …
    """

    document: DocumentId
    text: str
    visible: Bounds | None = None
    selected: Region | None = None
    numbered: tuple[VersionId, ...] = ()


@dataclass(frozen=True, slots=True)
class SaveMacro:
    """Save the changes of the turns first..stop-1 (indexes in DocumentCard.turns) as a macro. → Notice

    An existing file is replaced. name: of the macro; empty: that of the photo.
    """

    document: DocumentId
    path: Path
    first: int
    stop: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class RunMacro:
    """Run a macro file on the version that is shown, as a turn of the conversation. → as SendMessage"""

    document: DocumentId
    path: Path
    visible: Bounds | None = None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Run the steps that an open question is about, as the user changed them. → as SendMessage

    steps: calls as JSON, not checked yet. What they need beyond the question is asked first. visible, selected: as in
    SendMessage; only_visible: restore nothing else.
    """

    document: DocumentId
    steps: tuple[Json, ...]
    only_visible: bool = False
    visible: Bounds | None = None
    selected: Region | None = None


@dataclass(frozen=True, slots=True)
class ListLlmModels:
    """List the models of a language model server. key None: the stored one. → LlmModelsListed"""

    llm: LlmSettings
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TestLlm:
    """Find out whether a language model answers and calls tools. key None: the stored one. → Progress, LlmTested"""

    __test__ = False  # no test of pytest

    llm: LlmSettings
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReadLlmKey:
    """Find out whether there is a key for a language model server. → LlmKeyRead"""

    url: str


@dataclass(frozen=True, slots=True)
class StoreLlmKey:
    """Keep the key of a language model server in the system's keyring; an empty one is removed. → LlmKeyRead"""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListPreferences:
    """Which methods the user prefers. → PreferencesListed"""


@dataclass(frozen=True, slots=True)
class ResetPreferences:
    """Forget the choices among the methods of a task, or of all tasks (None). → PreferencesListed"""

    task: Task | None = None


@dataclass(frozen=True, slots=True)
class RestorePreferences:
    """Bring back the choices that the last ResetPreferences forgot. → PreferencesListed"""


@dataclass(frozen=True, slots=True)
class ListMethods:
    """→ MethodsListed"""


@dataclass(frozen=True, slots=True)
class ListModels:
    """→ ModelsListed"""


@dataclass(frozen=True, slots=True)
class FetchModel:
    """Download, verify and install weights. → Progress, ModelsListed"""

    model: str


@dataclass(frozen=True, slots=True)
class ImportModel:
    """Import weights from a file or folder. → ModelsListed

    A weights file that is not in the catalog is looked at (→ ModelRecognized), and imported when the request comes
    again with what the user says about it.
    """

    path: Path
    own: OwnChoice | None = None


@dataclass(frozen=True, slots=True)
class RemoveModel:
    """→ ModelsListed"""

    model: str


@dataclass(frozen=True, slots=True)
class ListLoadedModels:
    """List the networks in memory. → LoadedModels"""


@dataclass(frozen=True, slots=True)
class UnloadModel:
    """Drop a network from memory; it is loaded again when it is needed. → LoadedModels"""

    model: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Use new settings from the next request on."""

    settings: Settings


Offerable = Restore | Repeat | Complete | Improve | TryMethods | RepairOldPhoto
"""Requests that are offered first where they are estimated to take long."""

Request = (
    Open | OpenPixels | FindRecoveries | FindClosed | Recover | DiscardRecovery | MeasureDisk | Prune | Close
    | ReadManifest | ReadTiles | ReadThumbnail | ReadPixels | Restore | Repeat | Complete | Estimate | ListOptions
    | RepairOldPhoto | ApplyTransform | TryMethods | Fuse | MergePart | Pick | MeasureDifferences
    | Reset | GoTo | Undo | Redo | Edit | Adjust | SetStrength | Preview | PickWhite | ReadInfo
    | Assess | Detect | Advise | Improve | Export | EstimateSize | SaveProject | SendMessage | RunPlan
    | SaveMacro | RunMacro | ListPreferences | ResetPreferences | RestorePreferences
    | ListMethods | ListModels | FetchModel | ImportModel | RemoveModel
    | ListLoadedModels | UnloadModel | Configure
    | FindPhoto | Select | SelectWords | SelectWhere | FindObjects | PrepareSelection | ListEngines
    | ChangeRegion | KeepRegion | EditRegion | ReadRegion
    | ImportRegion | ExportRegion | AnalyzeRegion | RemoveObject | Describe
    | ListLlmModels | TestLlm | ReadLlmKey | StoreLlmKey
)  # fmt: skip


# Events ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of the running request: fraction 0..1; seconds_left None while unknown."""

    fraction: float
    note: Text = ""
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PreviewReady:
    """A photo being opened, reduced to about screen size, to be painted before its document exists.

    width, height: of the full photo. pixels: H×W×3 RGB in the profile icc (None: sRGB), or H×W×4 with its alpha.
    """

    path: Path | None
    width: int
    height: int
    pixels: Pixels
    icc: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A document is open; its card also holds undo_to, redo_to and unsaved."""

    card: DocumentCard
    manifest: Manifest  # of the head

    @property
    def undo_to(self) -> VersionId | None:
        return self.card.undo_to

    @property
    def redo_to(self) -> VersionId | None:
        return self.card.redo_to

    @property
    def unsaved(self) -> bool:
        return self.card.unsaved


@dataclass(frozen=True, slots=True)
class RecoveriesFound:
    recoveries: tuple[Recovery, ...]


@dataclass(frozen=True, slots=True)
class ClosedFound:
    recoveries: tuple[Recovery, ...]


@dataclass(frozen=True, slots=True)
class DiskMeasured:
    """used: bytes of all working and closed documents; over: closed documents whose removal meets the budget."""

    used: int
    budget: int
    over: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ManifestReady:
    document: DocumentId
    manifest: Manifest


@dataclass(frozen=True, slots=True, eq=False)
class TilesReady:
    """Tiles by hash: H×W×3 RGB, or H×W×4 RGBA where something is transparent (alpha not multiplied)."""

    document: DocumentId
    tiles: tuple[tuple[bytes, Pixels], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ThumbnailReady:
    """A photo that is not open: H×W×3 uint8 RGB in sRGB, longest side ≤ 128."""

    path: Path
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PixelsReady:
    """A whole version for the clipboard: pixels H×W×3 uint8 sRGB, alpha H×W uint8 or None."""

    document: DocumentId
    version: VersionId
    pixels: Pixels
    alpha: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, eq=False)
class TileDone:
    """A finished part of a running restoration, to be painted over the version that it starts from.

    pixels: H×W×3 RGB, or H×W×4 RGBA in a photo with transparency.
    """

    document: DocumentId
    version: VersionId
    bounds: Bounds
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class PreviewDone:
    """A part of a version as a change would make it, at about the resolution of the screen.

    bounds: of the part, in image pixels. pixels: H×W×3 or H×W×4 uint8 sRGB. histogram: of the whole changed photo,
    from a reduction.
    """

    document: DocumentId
    version: VersionId
    bounds: Bounds
    pixels: NDArray[np.uint8]
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class WhitePicked:
    """The white balance for a picked pixel; None: it is too dark to say."""

    document: DocumentId
    version: VersionId
    temperature: float | None
    tint: float | None


@dataclass(frozen=True, slots=True, eq=False)
class InfoReady:
    document: DocumentId
    version: VersionId
    histogram: Histogram
    info: PhotoInfo


@dataclass(frozen=True, slots=True, eq=False)
class VersionAdded:
    """A new version was committed and is now the head. undo_to, redo_to, unsaved: as in DocumentCard, from now on."""

    document: DocumentId
    version: Version
    manifest: Manifest
    undo_to: VersionId | None = None
    redo_to: VersionId | None = None
    unsaved: bool = True


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """undo_to, redo_to, unsaved: as in DocumentCard, from now on."""

    document: DocumentId
    head: VersionId
    manifest: Manifest
    undo_to: VersionId | None = None
    redo_to: VersionId | None = None
    unsaved: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class VersionsChanged:
    """Names, stars, deletions or rejections changed; head may have moved away from a deleted version.

    undo_to, redo_to, unsaved: as in DocumentCard, from now on.
    """

    document: DocumentId
    versions: tuple[Version, ...]
    undo_to: VersionId | None = None
    redo_to: VersionId | None = None
    unsaved: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class CandidateAdded:
    """A candidate was committed; the head stays. VersionsChanged came before. number: from 1, of count."""

    document: DocumentId
    version: Version
    manifest: Manifest
    number: int = 1
    count: int = 1


@dataclass(frozen=True, slots=True)
class CandidateFailed:
    """One of several choices could not be run on a version. text: why."""

    document: DocumentId
    version: VersionId
    choice: RestoreParams
    text: Text


@dataclass(frozen=True, slots=True)
class DifferenceMeasured:
    """The mean absolute difference of a version from a reference, 0..1 of the range of values.

    share None: they cannot be compared, because one of them has another size, or was cropped or turned.
    """

    document: DocumentId
    reference: VersionId
    version: VersionId
    share: float | None


@dataclass(frozen=True, slots=True)
class Assessed:
    """The scores of a version are known. distance None: it is the original, or its size differs."""

    document: DocumentId
    version: VersionId
    quality: Quality
    distance: Distance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    document: DocumentId
    version: VersionId
    detection: Detection


AnalysisPart = Literal["detection", "quality"]


@dataclass(frozen=True, slots=True)
class AnalysisStarted:
    """A version is being analyzed; Detected and Assessed, or AnalysisFailed for either, will follow."""

    document: DocumentId
    version: VersionId


@dataclass(frozen=True, slots=True)
class AnalysisFailed:
    """A part of the analysis of a version failed or was cancelled; the version itself is whole."""

    document: DocumentId
    version: VersionId
    part: AnalysisPart
    text: Text


@dataclass(frozen=True, slots=True)
class Advised:
    """advice in the order to follow; empty: no clear problems. text: the same as sentences.

    seconds: what Auto would take for it here, if the first method of each task helps.
    """

    document: DocumentId
    version: VersionId
    advice: tuple[Advice, ...]
    text: Text
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Improved:
    """Auto is done. version: where it stopped; text: what was done, what was rolled back, and why.

    offered: Auto is not sure that the version is better than its parent: the user keeps or discards it.
    summary: the text in a sentence or two; () if it is as short.
    """

    document: DocumentId
    version: VersionId
    text: Text
    offered: bool = False
    summary: Text = ()


@dataclass(frozen=True, slots=True)
class SelectionCleared:
    """Nothing is to be selected any more, because the conversation said so."""

    document: DocumentId


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """An object was found. scores: of the masks that may be meant, the most likely first; candidate: which one this is.

    engine: the ids of what found it, joined by "+". hint: to be sent with further clicks that correct this mask.
    notes: what was requested and not found.
    """

    document: DocumentId
    version: VersionId
    region: Region
    engine: str
    scores: tuple[float, ...]
    candidate: int = 0
    hint: NDArray[np.float32] | None = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectsFound:
    """Objects with their labels, the most certain first. engine: the ids of what found them, joined by "+"."""

    document: DocumentId
    version: VersionId
    words: str
    boxes: tuple[Box, ...]
    engine: str


@dataclass(frozen=True, slots=True)
class SelectionPrepared:
    document: DocumentId
    version: VersionId
    engine: str


@dataclass(frozen=True, slots=True)
class EnginesListed:
    """The best one first."""

    engines: tuple[EngineCard, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RegionReady:
    """A region with its mask. kept: its id in the document; None: it is not kept."""

    document: DocumentId
    region: Region
    kept: RegionId | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RegionsChanged:
    """All kept regions, deleted ones too. unsaved: as in DocumentCard, from now on."""

    document: DocumentId
    regions: tuple[StoredRegion, ...]
    unsaved: bool = True


@dataclass(frozen=True, slots=True)
class RegionExported:
    document: DocumentId
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class RegionAnalyzed:
    """What is wrong with a part of a version. advice, text: as in Advised, for this part alone."""

    document: DocumentId
    version: VersionId
    region: Region
    detection: Detection
    quality: Quality
    advice: tuple[Advice, ...]
    text: Text


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a version. missing: the models that would say what it shows, if they are not there."""

    document: DocumentId
    version: VersionId
    text: Text
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimated:
    """Seconds and megapixels of the requested part, the method that would run, and the device."""

    seconds: float
    megapixels: float
    method: str
    device: Literal["cpu", "cuda", "mps"] = "cpu"


@dataclass(frozen=True, slots=True)
class OptionsListed:
    """The methods of a task for a version, in the order in which to try them.

    default: the one that runs where none is named. better: one that gains clearly more, but is slower or not installed.
    """

    task: Task
    options: tuple[MethodOption, ...]
    default: str | None = None
    better: str | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """The request would take long, so nothing was run; sent again with confirmed=True it runs.

    seconds: for all of it. part_seconds: for the visible part alone, None where that is not a smaller task.
    megapixels: of what would be computed. tasks: those that Auto would run, in order.
    """

    request: Offerable
    seconds: float
    part_seconds: float | None
    megapixels: float
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """path None: the file existed and was skipped, as requested. losses: what the file lacks that the photo has."""

    document: DocumentId
    path: Path | None
    size: int
    losses: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class SizeEstimated:
    """size: of the file in bytes, None if the format cannot hold the photo; losses: as in Exported, or why."""

    size: int | None
    losses: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """unsaved: something was changed while the file was being written."""

    document: DocumentId
    path: Path
    unsaved: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TurnAdded:
    """unsaved: as in DocumentCard, from now on."""

    document: DocumentId
    turn: Turn
    unsaved: bool = False


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """What was replied so far; TurnAdded brings the whole turn."""

    document: DocumentId
    text: Text


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of a reply or of Auto starts. step: the call as JSON. number: from 1, of count; 0: not known."""

    document: DocumentId
    step: Json
    number: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class LlmModelsListed:
    """The ids of the models that a server offers."""

    url: str
    models: tuple[str, ...]
    text: Text


@dataclass(frozen=True, slots=True)
class LlmTested:
    """A language model answers. text: and what it can do."""

    url: str
    text: Text


@dataclass(frozen=True, slots=True)
class LlmKeyRead:
    """Whether there is a key for a server. text: what was done, if something was."""

    url: str
    there: bool
    text: Text = ""


@dataclass(frozen=True, slots=True)
class CompareRequested:
    """The conversation asks the window to show two versions together."""

    document: DocumentId
    version: VersionId
    other: VersionId


@dataclass(frozen=True, slots=True)
class PhotoFound:
    """An earlier photo of a conversation, to be shown in the window.

    open: its document, if it is open; else file: the photo, its project or its working file (Recover). text: a
    message about that photo, to be sent there.
    """

    document: DocumentId
    photo: EarlierPhoto
    open: DocumentId | None = None
    file: Path | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class MethodsListed:
    """extra_metrics: further metrics of quality that are on this machine and can be switched on."""

    methods: tuple[MethodCard, ...]
    extra_metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferencesListed:
    """The preferences of each task that has methods. can_restore: RestorePreferences would bring some back."""

    tasks: tuple[TaskPreferences, ...]
    can_restore: bool = False


@dataclass(frozen=True, slots=True)
class ModelRecognized:
    """A weights file that the catalog does not know: what it is. The user says whether to import it, and as what."""

    path: Path
    model: RecognizedModel


@dataclass(frozen=True, slots=True)
class ModelsListed:
    """free: bytes left on the disk of the models, None if that is not known."""

    models: tuple[ModelCard, ...]
    free: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Networks in memory, the least recently used first."""

    models: tuple[LoadedModel, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Information for the user that is not an error."""

    text: Text


Event = (
    Progress | PreviewReady | Opened | RecoveriesFound | ClosedFound
    | DiskMeasured | ManifestReady | TilesReady | ThumbnailReady | PixelsReady
    | PreviewDone | WhitePicked | InfoReady
    | TileDone | VersionAdded | HeadMoved | VersionsChanged | CandidateAdded | CandidateFailed | DifferenceMeasured
    | Assessed | Detected | AnalysisStarted | AnalysisFailed | Advised | Improved
    | Estimated | OptionsListed | Offered | Exported | SizeEstimated
    | Selected | SelectionCleared | ObjectsFound | SelectionPrepared | EnginesListed
    | RegionReady | RegionsChanged | RegionExported | RegionAnalyzed | Described
    | ReplyPart | StepStarted | LlmModelsListed | LlmTested | LlmKeyRead
    | Saved | TurnAdded | CompareRequested | PhotoFound | MethodsListed | PreferencesListed | ModelsListed
    | ModelRecognized | LoadedModels | Notice
)  # fmt: skip


# Ends ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
# Exactly one of these ends every request, after all of its events.
class Finished:
    """The request was answered."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The request ended in an error: a UserError is shown as it stands, anything else is a bug and in the log."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The request was cancelled and left no trace."""


End = Finished | Failed | Cancelled

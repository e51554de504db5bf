"""Which versions the compare view of a document shows, and which of them is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed

from clarity_desktop.ui.canvas.compare import MAX_PANES, Compare, Shown
from clarity_desktop.ui.labels import SEPARATOR, distinct_titles, method_and_strength
from clarity_desktop.values import Version, VersionId


@dataclass(frozen=True, slots=True)
class ComparedVersions:
    """Two to six versions in the order of their numbers, which stay as they are whichever version is open.

    chosen: what the keys act on. reference: what the chosen one is compared with where two are; one of the versions, or
    the input, from which all of them come. mode: how versions were compared before.
    """

    versions: tuple[VersionId, ...]
    chosen: VersionId
    reference: VersionId
    input: VersionId
    mode: Compare = "single"

    @property
    def shown(self) -> Shown:
        """What the canvas shows."""
        return Shown(self.versions, self.reference, self.chosen)

    @property
    def needed(self) -> tuple[VersionId, ...]:
        """The versions whose tiles are needed."""
        return tuple(dict.fromkeys((*self.versions, self.reference)))

    @property
    def references(self) -> tuple[VersionId, ...]:
        """What the chosen version may be compared with: the input first."""
        return tuple(dict.fromkeys((self.input, *self.versions)))

    def number(self, version: VersionId) -> int | None:
        """The number of a version, from 1."""
        return self.versions.index(version) + 1 if version in self.versions else None

    def choose(self, version: VersionId) -> ComparedVersions:
        """Choose another version. One that was the reference is compared with the one that was chosen before."""
        if version not in self.versions or version == self.chosen:
            return self
        reference = self.chosen if version == self.reference else self.reference
        return changed(self, chosen=version, reference=reference)

    def compare_with(self, reference: VersionId) -> ComparedVersions:
        """Compare the chosen version with another one; with itself there is nothing to compare."""
        if reference != self.chosen:
            return changed(self, reference=reference)
        others = [v for v in (self.reference, *self.versions) if v in self.versions and v != reference]
        return changed(self, reference=reference, chosen=others[0])

    def with_version(
        self, version: VersionId, replaced: Sequence[VersionId] = (), *, choose: bool = True
    ) -> ComparedVersions:
        """With one more version at the end. Where there is no room, it takes the place of the first of `replaced`, or
        of the last one. choose: it is the chosen one from now on."""
        if version in self.versions:
            return self.choose(version)
        versions = list(self.versions)
        if len(versions) < MAX_PANES:
            versions.append(version)
        else:
            place = next((versions.index(v) for v in replaced if v in versions), -1)
            versions[place] = version
        kept = self.reference if self.reference in (self.input, *versions) else self.input
        chosen = version if choose or self.chosen not in versions else self.chosen
        return changed(self, versions=tuple(versions), chosen=chosen, reference=kept)

    def replace(self, version: VersionId, by: VersionId) -> ComparedVersions:
        """With another version in the place of one: what was made of it."""
        versions = tuple(by if v == version else v for v in self.versions)
        chosen, reference = (by if v == version else v for v in (self.chosen, self.reference))
        return changed(self, versions=versions, chosen=chosen, reference=reference)


def compare(
    versions: Mapping[VersionId, Version], wanted: Sequence[VersionId], mode: Compare, chosen: VersionId | None = None
) -> ComparedVersions | None:
    """A comparison of the wanted versions, of those that are not deleted; None for fewer than two.

    At first, two are compared with each other, and more of them with the input.
    """
    shown = tuple(v for v in dict.fromkeys(wanted) if v in versions and not versions[v].deleted)[:MAX_PANES]
    if len(shown) < 2:
        return None
    root = common_origin(versions, shown)
    reference = root if root in shown or len(shown) > 2 else shown[0]
    first = next(v for v in shown if v != reference)
    picked = chosen if chosen and chosen in shown and chosen != reference else first
    return ComparedVersions(shown, picked, reference, root, mode)


def remaining(
    compared: ComparedVersions, versions: Mapping[VersionId, Version]
) -> ComparedVersions | None:  # fmt: skip
    """The comparison without versions that were deleted; None if fewer than two are left."""
    left = tuple(v for v in compared.versions if v in versions and not versions[v].deleted)
    if left == compared.versions and _exists(versions, compared.reference):
        return compared
    return compare(versions, left, compared.mode, compared.chosen)


def short_titles(versions: Sequence[Version]) -> dict[VersionId, str]:
    """The titles of compared versions: where one task made several of them, each is called by its method."""
    titles = distinct_titles(versions)
    made = [v for v in versions if v.step.kind == "restore" and v.step.method and not v.name]
    if len(made) < 2 or len({v.step.task for v in made}) > 1:
        return titles
    names = {v.id: SEPARATOR.join(method_and_strength(v.step)) for v in made}
    counts = Counter(names.values())
    return titles | {at: name for at, name in names.items() if counts[name] == 1}


def common_origin(versions: Mapping[VersionId, Version], chosen: Sequence[VersionId]) -> VersionId:
    """The last version that is not deleted and from which all of the chosen ones come, or that is one of them."""
    paths = [_path(versions, at) for at in chosen]
    shared = [at for at in paths[0] if all(at in path for path in paths[1:]) and not versions[at].deleted]
    return shared[0] if shared else paths[0][-1]


def _path(versions: Mapping[VersionId, Version], at: VersionId) -> list[VersionId]:
    """A version and what it comes from, up to the original."""
    path = [at]
    while (parent := versions[path[-1]].parent) is not None and parent in versions:
        path.append(parent)
    return path


def _exists(versions: Mapping[VersionId, Version], at: VersionId) -> bool:
    return at in versions and not versions[at].deleted

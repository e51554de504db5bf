"""XMP packets: edited as bytes, so that whatever a program wrote stays as it is; split and joined for JPEG.

The bytes are untrusted. Packets that declare a document type (and could define entities) are never parsed.
"""

from __future__ import annotations

import hashlib
import io
import re
from xml.etree import ElementTree

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))([1-8])")
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NOTE = "http://ns.adobe.com/xmp/note/"
_XML = "http://www.w3.org/XML/1998/namespace"
_BEGIN = '<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
_LARGEST = 4_000_000  # bytes of a packet that is split
_PADDING = re.compile(rb"\s{64,}(?=<\?xpacket end|\Z)")
_BODY = re.compile(rb"<(\w+):RDF\b([^>]*)>(.*)</\1:RDF\s*>", re.DOTALL)
_NAMESPACES = re.compile(rb"\sxmlns:([\w.-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")


def _properties(names: bytes) -> tuple[re.Pattern[bytes], ...]:
    """Patterns of a property by its name with prefix: as an attribute, as an empty element, as an element."""
    return (
        re.compile(rb"\s" + names + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"),
        re.compile(rb"<" + names + rb"(?:\s[^<>]*)?/>"),
        re.compile(rb"<(" + names + rb")(?:\s[^<>]*)?(?<!/)>.*?</\1\s*>", re.DOTALL),
    )


# Places: the properties of EXIF, IPTC and Photoshop, and those of makers (drones, phones) by what they are called.
_PLACES = _properties(
    rb"(?:(?:photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|CountryCode)|Iptc4xmpExt:Location\w+"
    rb"|xmpDM:shotLocation|exif:GPS\w+|geo:\w+)"
    rb"|(?!xmlns:)[\w.-]+:\w*(?i:gps|latitude|longitude|longtitude|altitude|geoloc|geotag)[\w.-]*)"
)
_PLACES_LEFT = re.compile(
    rb"(?:(?i:gps_?-?lat|gps_?-?lon|latitude|longitude|longtitude)[\w.-]*|Iptc4xmpExt:Location\w*|photoshop:City)"
    rb"(?:[\"']|&quot;)?\s*[:=>]"
)
# What points to a second picture or a film behind the first, which no written file has.
_ATTACHED = _properties(
    rb"(?:hdrgm:\w+|HDRGainMap:\w+|Container:Directory|GContainer:Directory|GCamera:(?:MotionPhoto|MicroVideo)\w*"
    rb"|Camera:(?:MotionPhoto|MicroVideo)\w*|apdi:AuxiliaryImageType)"
)
_ATTACHED_NAMESPACES = re.compile(
    rb"\sxmlns:(?:hdrgm|HDRGainMap|Container|GContainer|Item)\s*=\s*(?:\"[^\"]*\"|'[^']*')"
)
_GAIN_MAP = re.compile(rb"hdrgm:Version|Semantic\s*=\s*[\"']GainMap|HDRGainMap:|>\s*GainMap\s*<")
_FILM = re.compile(rb"(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)1")
_EXTENDED = _properties(rb"xmpNote:HasExtendedXMP")


def _removed(xmp: bytes, patterns: tuple[re.Pattern[bytes], ...]) -> bytes:
    for pattern in patterns:
        xmp = pattern.sub(b"", xmp)
    return xmp


def upright(xmp: bytes) -> tuple[bytes, int | None]:
    """The packet with orientation 1, and the orientation that it had, if any."""
    found = _ORIENTATION.search(xmp)
    return _ORIENTATION.sub(rb"\g<1>1", xmp), None if found is None else int(found[2])


def without_places(xmp: bytes) -> bytes | None:
    """The packet without positions and place names, also those of makers; None if some may remain."""
    xmp = _removed(xmp, _PLACES)
    return None if _PLACES_LEFT.search(xmp) or b"\0" in xmp else xmp


def has_gain_map(xmp: bytes) -> bool:
    """Whether the packet announces a gain map, the extra brightness of an HDR photo."""
    return _GAIN_MAP.search(xmp) is not None


def has_film(xmp: bytes) -> bool:
    """Whether the packet announces the film of a motion photo."""
    return _FILM.search(xmp) is not None


def without_attached(xmp: bytes) -> bytes:
    """The packet without gain maps, films and the directory of what follows the picture in its file."""
    cleaned = _removed(xmp, _ATTACHED)
    return xmp if cleaned == xmp else _ATTACHED_NAMESPACES.sub(b"", cleaned)


# Extended XMP: what is above 64 kB of a packet lies in further segments of a JPEG ------------------------------------


def without_extension(xmp: bytes) -> bytes:
    """The packet without its reference to extended XMP."""
    return _removed(xmp, _EXTENDED)


def joined(xmp: bytes, extension: bytes) -> bytes | None:
    """The packet with the properties of its extension; None if the two do not fit together."""
    main, extra = _BODY.search(xmp), _BODY.search(extension)
    if main is None or extra is None:
        return None
    # Descriptions move with the namespaces that the elements around them declare.
    declared = b"".join(found[0] for found in _NAMESPACES.finditer(extension[: extra.start(3)]))
    descriptions = re.sub(
        rb"<" + extra[1] + rb":Description\b([^>]*?)(/?)>",
        lambda found: b"<" + main[1] + b":Description" + _undeclared(declared, found[1]) + found[1] + found[2] + b">",
        extra[3],
    )
    descriptions = descriptions.replace(b"</" + extra[1] + b":Description", b"</" + main[1] + b":Description")
    whole = without_extension(xmp[: main.end(3)] + descriptions + xmp[main.end(3) :])
    return whole if _parsed(whole) is not None else None


def _undeclared(declarations: bytes, attributes: bytes) -> bytes:
    """Those namespace declarations that an element does not make itself."""
    own = {found[1] for found in _NAMESPACES.finditer(attributes)}
    return b"".join(found[0] for found in _NAMESPACES.finditer(declarations) if found[1] not in own)


def split(xmp: bytes, largest: int) -> tuple[bytes, bytes, bytes] | None:
    """A packet of at most `largest` bytes, the digest that names its extension, and the extension.

    Digest and extension are empty if the packet fits as it is or without padding. None if it cannot be split.
    """
    xmp = xmp if len(xmp) <= largest else _PADDING.sub(b"\n", xmp)
    if len(xmp) <= largest:
        return xmp, b"", b""
    root = _parsed(xmp) if len(xmp) <= _LARGEST else None
    rdf = None if root is None else next(root.iter(f"{{{_RDF}}}RDF"), None)
    if root is None or rdf is None:
        return None
    moved = ElementTree.Element(f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    for description in rdf.findall(f"{{{_RDF}}}Description"):
        _turn_long_attributes(description)
    properties = [child for description in rdf.findall(f"{{{_RDF}}}Description") for child in description]
    left, kept = largest // 2, set[int]()
    for child in sorted(properties, key=_size):  # the smallest stay
        left -= _size(child)
        if left < 0:
            break
        kept.add(id(child))
    for description in rdf.findall(f"{{{_RDF}}}Description"):
        moved.extend([child for child in description if id(child) not in kept])
        description[:] = [child for child in description if id(child) in kept]
    extended = ElementTree.Element(root.tag)
    ElementTree.SubElement(extended, f"{{{_RDF}}}RDF").append(moved)
    body = ElementTree.tostring(extended, "utf-8", xml_declaration=False)
    # The name of the extension is the digest of its bytes; nothing is kept secret by it.
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
    note = ElementTree.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    note.set(f"{{{_NOTE}}}HasExtendedXMP", digest)
    packet = _BEGIN + b"\n" + ElementTree.tostring(root, "utf-8", xml_declaration=False) + b'\n<?xpacket end="w"?>'
    return (packet, digest.encode(), body) if len(packet) <= largest else None


def _turn_long_attributes(description: ElementTree.Element) -> None:
    """Turn properties that are long attributes into elements, which can be moved."""
    for name, value in list(description.attrib.items()):
        if len(value) > 1000 and not name.startswith((f"{{{_RDF}}}", f"{{{_XML}}}")):
            del description.attrib[name]
            ElementTree.SubElement(description, name).text = value


def _size(element: ElementTree.Element) -> int:
    """About how many bytes an element takes; more than it really does, because prefixes are shorter than names."""
    texts = sum(2 * len(e.tag) + len(e.text or "") + len(e.tail or "") + 5 for e in element.iter())
    return texts + sum(len(k) + len(v) + 5 for e in element.iter() for k, v in e.attrib.items())


def _parsed(xmp: bytes) -> ElementTree.Element | None:
    """The XML of a packet, to be written with the prefixes of the packet; None if it is none or has a document type."""
    if b"<!DOCTYPE" in xmp or b"<!ENTITY" in xmp or b"\0" in xmp:
        return None
    try:
        parsing = ElementTree.iterparse(io.BytesIO(xmp), ["start-ns"])  # noqa: S314 — without a document type no entities
        for _, (prefix, address) in parsing:
            if prefix and not re.fullmatch(r"ns\d+", prefix) and address != _XML:
                ElementTree.register_namespace(prefix, address)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    ElementTree.register_namespace("xmpNote", _NOTE)
    return parsing.root  # pyright: ignore[reportAttributeAccessIssue] — documented, but not declared

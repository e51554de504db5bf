"""Photos: reading any of them safely, keeping color and metadata, writing them whole or not at all."""

from clarity_desktop.backend.pictures.before_after import before_after
from clarity_desktop.backend.pictures.color_management import to_srgb8
from clarity_desktop.backend.pictures.decoder import Decoder, Limits
from clarity_desktop.backend.pictures.encode import FORMATS, Format, check_size, encode, losses
from clarity_desktop.backend.pictures.exif_info import photo_info
from clarity_desktop.backend.pictures.export import check_target, copy, numbered, save
from clarity_desktop.backend.pictures.geometry import change, reduced, reduced_to, reduced_visible
from clarity_desktop.backend.pictures.histogram import histogram_of
from clarity_desktop.backend.pictures.icc import profile_name
from clarity_desktop.backend.pictures.transparency import fill_transparent, resize_alpha, with_hidden, with_pixels

__all__ = ["FORMATS", "Decoder", "Format", "Limits", "before_after", "change", "check_size", "check_target", "copy",
           "encode", "fill_transparent", "histogram_of", "losses", "numbered", "photo_info", "profile_name",
           "reduced", "reduced_to", "reduced_visible", "resize_alpha", "save", "to_srgb8", "with_hidden",
           "with_pixels"]  # fmt: skip

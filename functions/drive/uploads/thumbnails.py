"""Thumbnails by Pillow: small WebP images in sRGB, without any metadata."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from drive.uploads import colour_codes
from kernel import blobs, telemetry
from kernel.blobs import Blob

if TYPE_CHECKING:
    from PIL.Image import Image

EDGE_PX = 512
MAX_PIXELS = 50_000_000  # 200 MB decoded; larger images get no thumbnail


def make(key: str, version: str) -> dict[str, Any] | None:
    """Make the thumbnail of an image: `{key, width, height}`, with the pixels of the upright original.

    None for a file that Pillow cannot read, and for too large an image.
    """
    blob: Blob | None = blobs.find(key, version)
    if blob is None:
        return None
    made = _make_thumbnail(blobs.read(blob, 0, blob.size))
    if made is None:
        return None
    small, width, height = made
    target = key.replace("files/", "thumbnails/", 1)
    blobs.put(target, small, content_type="image/webp")
    telemetry.count("Thumbnails")
    return {"key": target, "width": width, "height": height}


def _make_thumbnail(content: bytes) -> tuple[bytes, int, int] | None:
    """The thumbnail's bytes, and the width and height of the upright original."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                telemetry.count("ThumbnailsTooLarge")
                return None
            picture.draft("RGB", (EDGE_PX, EDGE_PX))  # JPEG: decode no more than needed
            decoded, upright = picture.size, ImageOps.exif_transpose(picture)
            if upright.size != decoded:
                width, height = height, width
            upright = _in_bytes(upright)
            upright.thumbnail((EDGE_PX, EDGE_PX))
            upright = _in_srgb(upright, _profile(picture, content))
            small = upright.convert("RGBA" if "A" in upright.getbands() else "RGB")
            out = io.BytesIO()
            small.info.clear()  # no EXIF, location or colour profile
            small.save(out, "WEBP", quality=80)
    except Exception as error:  # decoders raise anything: AVIF RuntimeError, EXIF struct.error
        telemetry.logger().info("no thumbnail", extra={"reason": type(error).__name__})
        telemetry.count("ThumbnailsFailed")
        return None
    return out.getvalue(), width, height


def _in_bytes(picture: Image) -> Image:
    """The picture with a byte for each channel, which Pillow scales by averaging and converts without a loss.

    As it stands in the file, Pillow scales two colours and a palette by leaving pixels out, takes each grey of 16 bits
    that is above 255 for white, and forgets which colour is see-through.
    """
    if picture.mode.startswith("I;16"):
        return picture.convert("I").point(lambda level: level / 257).convert("L")
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB") if picture.mode in ("1", "P") else picture


def _profile(picture: Image, content: bytes) -> bytes | None:
    """The colour profile of a picture; in PNG code points come before a profile, in AVIF after it."""
    in_file: bytes | None = picture.info.get("icc_profile")
    if picture.format == "PNG":
        return colour_codes.profile(content) or in_file
    return in_file or (colour_codes.profile(content) if picture.format == "AVIF" else None)


def _in_srgb(picture: Image, profile: bytes | None) -> Image:
    """The picture in sRGB, as what has no colour profile is shown; unchanged if it has none, or none that can be read.

    Telephones write Display P3: their numbers taken for sRGB are a duller picture.
    """
    from PIL import ImageCms

    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, meant, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (OSError, ImageCms.PyCMSError):  # no profile, or one for another kind of picture
        telemetry.count("ThumbnailsWithoutProfile")
        return picture
    return converted or picture

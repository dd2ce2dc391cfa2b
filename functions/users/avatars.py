"""Avatars: copies of pictures in the drive, which later changes of the picture's file do not affect.

A person's avatars are in the blob store below `avatars/{user_id}/`, under keys that cannot be guessed.
"""

from __future__ import annotations

from kernel import blobs, ids, telemetry

URL_TTL_S = 60 * 60  # much longer than profiles are cached
_KEY_BITS = 128


def keep(user_id: str, picture: str) -> str:
    """Copy the picture with this key to a new avatar; returns the avatar's key. Raises BlobMissing."""
    key = f"avatars/{user_id}/{ids.token(_KEY_BITS)}"
    blobs.copy(picture, key)
    return key


def address(key: str | None) -> str | None:
    """A signed URL of an avatar, valid for an hour or until the signing credentials expire."""
    return None if key is None else blobs.address("GET", key, expires_s=URL_TTL_S)


def remove(key: str | None) -> None:
    """Delete an avatar that no profile uses any more; never raises.

    URLs that were given out for it stop working. The bucket's lifecycle erases the old version after 30 days.
    """
    try:
        if key is not None:
            blobs.remove(key)
    except Exception as error:
        telemetry.count("AvatarsLeft")
        telemetry.logger().warning("avatar left", exc_info=error)

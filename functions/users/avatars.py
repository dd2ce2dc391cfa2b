"""Avatars: copies of pictures, so that what becomes of a picture's file does not touch them.

All of a person's are below `avatars/{user_id}/`, under keys that nobody can guess.
"""

from __future__ import annotations

from kernel import blobs, ids, telemetry

URL_TTL_S = 60 * 60  # much longer than profiles are remembered
_KEY_BITS = 128


def keep(user_id: str, picture: str) -> str:
    """Copy the picture under this key to be somebody's avatar; returns the avatar's. Raises BlobMissing."""
    key = f"avatars/{user_id}/{ids.token(_KEY_BITS)}"
    blobs.copy(picture, key)
    return key


def address(key: str | None) -> str | None:
    """Where an avatar can be seen for an hour, or until the credentials that sign it end."""
    return None if key is None else blobs.address("GET", key, expires_s=URL_TTL_S)


def remove(key: str | None) -> None:
    """Hide an avatar that no profile shows any more; the bucket's lifecycle takes it after 30 days. Never raises.

    Who has read the profile in the last moments has an address that shows nothing from now on.
    """
    try:
        if key is not None:
            blobs.remove(key)
    except Exception as error:
        telemetry.count("AvatarsLeft")
        telemetry.logger().warning("avatar left", exc_info=error)

"""Presence as other domains use it: news of sockets. None of it raises: it is a hint."""

from __future__ import annotations

from presence.service import socket_closed, socket_opened

__all__ = ["socket_closed", "socket_opened"]

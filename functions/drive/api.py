"""What other domains may ask of the drive: files that go with messages, files by name, the picture of an avatar."""

from __future__ import annotations

from drive.files.avatar_port import thumbnail_of_own_file as thumbnail_of_own_file
from drive.files.search_port import files_by_name as files_by_name
from drive.sharing import attachments as attachments

"""What other domains may ask of the drive: files that go with messages, files by name, the picture of an avatar,
recordings to be transcribed."""

from __future__ import annotations

from drive.files.audio_port import recording as recording
from drive.files.avatar_port import thumbnail_of_own_file as thumbnail_of_own_file
from drive.files.search_port import files_by_name as files_by_name
from drive.sharing import attachments as attachments

"""The drive for other domains: attachments, search by name, avatars, recordings to transcribe, a person's files."""

from __future__ import annotations

from drive.files.audio_port import (
    Recording,
    delete_transcripts,
    raw_transcript_key,
    recording,
    save_transcript,
    transcript,
)
from drive.files.avatar_port import thumbnail_of_own_file
from drive.files.search_port import files_by_name
from drive.person_port import contents_of, purge_everything_of
from drive.sharing import attachments

"""The drive for other domains: attachments, search by name, avatars, recordings to transcribe, a person's files."""

from __future__ import annotations

from drive.files.audio_port import Recording as Recording
from drive.files.audio_port import delete_transcripts as delete_transcripts
from drive.files.audio_port import raw_transcript_key as raw_transcript_key
from drive.files.audio_port import recording as recording
from drive.files.audio_port import save_transcript as save_transcript
from drive.files.audio_port import transcript as transcript
from drive.files.avatar_port import thumbnail_of_own_file as thumbnail_of_own_file
from drive.files.search_port import files_by_name as files_by_name
from drive.person_port import contents_of as contents_of
from drive.person_port import file_views as file_views
from drive.person_port import purge_everything_of as purge_everything_of
from drive.sharing import attachments as attachments

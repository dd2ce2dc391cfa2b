"""What other domains may ask of the drive: files that go with messages, files by name, the picture of an avatar,
recordings to be transcribed."""

from __future__ import annotations

from drive.files.audio_port import Recording as Recording
from drive.files.audio_port import drop_transcripts as drop_transcripts
from drive.files.audio_port import keep_transcript as keep_transcript
from drive.files.audio_port import raw_transcript_key as raw_transcript_key
from drive.files.audio_port import recording as recording
from drive.files.audio_port import transcript as transcript
from drive.files.avatar_port import thumbnail_of_own_file as thumbnail_of_own_file
from drive.files.search_port import files_by_name as files_by_name
from drive.person_port import contents_of as contents_of
from drive.person_port import described as described
from drive.person_port import purge_everything_of as purge_everything_of
from drive.sharing import attachments as attachments

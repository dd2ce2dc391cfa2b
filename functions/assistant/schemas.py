"""Request and response bodies of AI help."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from assistant.embedded.moderating import CATEGORIES
from kernel.schema import Beyond, Body, Id, Input, Instant, Output, SearchText, absent
from messages.schemas import Message
from users.schemas import Locale

LongText = Annotated[Body, Field(min_length=1, max_length=10_000)]
Tone = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\W_][\w -]*$")]


class FeaturesIn(Input):
    summaries: bool = Field(default_factory=absent)
    replies: bool = Field(default_factory=absent)
    translations: bool = Field(default_factory=absent)
    rewrites: bool = Field(default_factory=absent)
    answers: bool = Field(default_factory=absent)
    moderations: bool = Field(default_factory=absent)
    transcriptions: bool = Field(default_factory=absent)


class AiSettingsChanges(Input):
    enabled: bool = Field(default_factory=absent)
    features: FeaturesIn = Field(default_factory=absent)
    language: Locale = Field(default_factory=absent)


class Features(Output):
    summaries: bool
    replies: bool
    translations: bool
    rewrites: bool
    answers: bool
    moderations: bool
    transcriptions: bool


class BudgetOut(Output):
    """One person's budget of one day (UTC); `used_…` includes reservations of running calls."""

    tokens_per_day: int
    usd_per_day: float
    used_tokens: int
    used_usd: float
    resets_at: Instant


class AiSettings(Output):
    """`leaves_account`: texts sent to the provider leave the AWS account of this deployment."""

    enabled: bool
    features: Features
    language: str
    provider: str
    leaves_account: bool
    budget: BudgetOut


class Streamable(Input):
    """With `stream` the response is 202 with a request_id; the answer comes as ai.delta and ai.done on the sockets."""

    stream: bool = False


class NewSummary(Streamable):
    """A summary of the messages after a seq, of a thread, or (the default) of the unread messages."""

    conversation_id: Id
    after_seq: Beyond | None = None
    unread: bool | None = None
    thread_root: Id | None = None
    length: Literal["short", "long"] = "short"


class NewReplies(Streamable):
    conversation_id: Id


class NewTranslation(Streamable):
    """A translation of either a text or a message."""

    text: LongText | None = None
    message_id: Id | None = None
    target_language: Locale


class NewRewrite(Streamable):
    text: LongText
    tone: Tone


class NewAnswer(Streamable):
    """An answer from one conversation, or from all of the caller's."""

    conversation_id: Id | None = None
    question: Annotated[Body, Field(min_length=1, max_length=1_000)]


class NewModeration(Streamable):
    text: LongText


class NewTranscription(Input):
    file_id: Id


class NewDigest(Input):
    pass


class NewMeaningSearch(Input):
    q: Annotated[SearchText, Field(min_length=1, max_length=200, pattern=r"\S")]
    conversation_id: Id | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class CitationOut(Output):
    message_id: str
    seq: int
    conversation_id: str


class UsageOut(Output):
    input_tokens: int
    output_tokens: int
    cost_usd: float


class Suggestions(Output):
    suggestions: Annotated[list[str], Field(min_length=3, max_length=3)]


class Moderation(Output):
    categories: Annotated[dict[str, float], Field(description=f"Scores from 0 to 1: {', '.join(CATEGORIES)}.")]
    flagged: bool


class Segment(Output):
    start_ms: int
    end_ms: int
    text: str


class Transcript(Output):
    text: str
    segments: list[Segment]


class AiAnswer(Output):
    """`result` is a text, or suggestions for replies, scores for moderations, a transcript for transcriptions."""

    result: str | Suggestions | Moderation | Transcript
    citations: list[CitationOut]
    model: str
    provider: str
    usage: UsageOut


class RequestOut(Output):
    request_id: str


class AnswerOrRequest(RootModel):  # type: ignore[type-arg] # with an argument it would be built at once
    """The answer, or (202) the id of a streamed request."""

    model_config = ConfigDict(defer_build=True)
    root: AiAnswer | RequestOut


class Job(Output):
    """`result` is null until the job is done; `problem` is the problem document of a failed job."""

    id: str
    status: Literal["queued", "running", "done", "failed"]
    result: Transcript | None
    problem: dict[str, Any] | None


class DigestItem(Output):
    conversation_id: str
    unread: int
    mentions: int
    summary: str
    citations: list[CitationOut]


class Digest(Output):
    """Summaries of unread messages, the most important conversation first."""

    conversations: list[DigestItem]
    model: str
    provider: str
    usage: UsageOut


class MeaningHit(Message):
    """A message with its score (1 is best); `found_by` says whether its meaning, its words or both matched."""

    score: float
    found_by: list[Literal["meaning", "words"]]


class MeaningResults(Output):
    """The best results; there is no next page."""

    items: list[MeaningHit]
    next_cursor: None = None
    model: str
    provider: str


class Delta(Output):
    """A piece of a streamed answer; `n` is dense from 1."""

    request_id: str
    n: int
    text: str


class Done(Output):
    """The end of a streamed answer: the whole answer, or its problem."""

    request_id: str
    answer: AiAnswer | None = None
    problem: dict[str, Any] | None = None

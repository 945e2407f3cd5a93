"""Models and operations of the API.

Made by generate.py from docs/reference/openapi.json. Do not edit: run generate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ._model import ApiModel, Operation

Automation: TypeAlias = Literal["suggest", "preselect", "automatic"]

Corners: TypeAlias = list[list[float]]
"""Corners, top left first, clockwise as the content reads: `[[x, y], …]` in pixels of the picture as displayed."""

DataType: TypeAlias = Literal["TYPE_INT64", "TYPE_FP32"]
"""Triton's `DataType`, by its numbers."""

DocumentType: TypeAlias = Literal[
    "tw_national_id_front",
    "tw_national_id_back",
    "tw_resident_certificate",
    "tw_nhi_card",
    "tw_driver_licence",
    "tw_passport",
    "passport",
    "mrz_td1",
    "mrz_td2",
    "visa",
    "unknown",
]

FieldName: TypeAlias = Literal[
    "name",
    "name_zh",
    "name_en",
    "sex",
    "birth_date",
    "issue_date",
    "expiry_date",
    "issue_place",
    "issue_kind",
    "id_number",
    "card_number",
    "residence_no",
    "passport_no",
    "nationality",
    "birth_place",
    "address",
    "father",
    "mother",
    "spouse",
    "military_service",
    "licence_class",
    "authority",
    "control_number",
    "purpose",
]

FieldStatus: TypeAlias = Literal["verified", "plausible", "review", "invalid"]

MrzFormat: TypeAlias = Literal["TD1", "TD2", "TD3", "MRV-A", "MRV-B"]

RetakeReason: TypeAlias = Literal[
    "blurred",
    "glare",
    "cut_off",
    "low_resolution",
    "bad_exposure",
    "several_cards",
    "no_document",
]

Verdict: TypeAlias = Literal["accepted", "corrected", "discarded"]

VisibleId: TypeAlias = str
"""1 to 64 characters, none of which is a control character."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AgreedShare(ApiModel):
    """How many decisions say what was answered."""

    decided: int
    """Decisions; cases that were discarded are not counted."""

    equal: int
    """Those that say what was answered first."""

    interval: list[float]
    """95 % interval of it (Wilson), low and high."""

    share: float | None
    """Their share; null before the first decision."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AgreementStatistics(ApiModel):
    """Agreement of officers beyond chance."""

    expected: float
    """Share that would agree by chance."""

    kappa: float | None
    """Cohen's kappa; null where chance alone would make every pair agree."""

    kind: str
    """`letter` or `document`."""

    month: str
    """Month of the second opinions in Taiwan."""

    observed: float
    """Share of pairs that agree."""

    pairs: int
    """Pairs of decisions."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AnswerOptions(ApiModel):
    """What to answer."""

    top_k: int | None = None
    """Sources wanted, 1 to 20."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AnswerRequest(ApiModel):
    """A question. Unknown fields are refused."""

    audience: str | None = None
    """Who will read the answer: `agent` or `citizen`; answered alike."""

    context: QuestionContext | None = None
    """What was asked before."""

    options: AnswerOptions | None = None
    """What to answer."""

    purpose: CasePurpose | None = None
    """Why it is asked. May be left out in the demo profile."""

    question: str
    """1 to 1,000 code points."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AnswerResponse(ApiModel):
    """An answer, quoted from an approved source."""

    alternatives: list[Citation]
    """Other sources, most likely first: for a person to look at."""

    answer: str | None
    """The quoted piece; null when no source is likely enough."""

    answer_id: str
    """Identifies it; feedback is given under `/api/v1/predictions/{id}/feedback`, its labels being source ids."""

    by_words_only: bool
    """Whether only words were compared, because no sentence encoder is at hand."""

    citations: list[Citation]
    """Where the answer stands; empty when there is none."""

    decision_support: bool
    """Always: the answer supports a decision and is none."""

    disclosure: str
    """To be shown with the result."""

    message: str | None = None
    """What to say instead; absent when there is an answer."""

    model: Model
    """Which index answered."""

    refusal_reason: str | None = None
    """Why there is no answer: `nothing_found`, `other_place`, `other_agency`, `words_missing`, `not_alike`, or
    `not_shown` where the agency has the service in the shadow; absent when there is one.
    """

    requires_human: bool
    """Always: a person decides."""

    state: str
    """`answered` or `no_answer`."""

    used_previous: bool
    """Whether the question before was needed to understand this one."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Api(ApiModel):
    """An interface."""

    aid: str
    """Identifies it."""

    baseURL: str
    """What stands before every path of it."""

    description: str
    """What it is for."""

    humanURL: str
    """Where people read of it."""

    image: str
    """A picture that stands for it."""

    name: str
    """Name."""

    properties: list[ApiProperty]
    """Its descriptions."""

    tags: list[str]
    """Words to find it by."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ApiProperty(ApiModel):
    """Where something about interfaces is."""

    mediaType: str
    """Its media type."""

    type: str
    """`OpenAPI`, `AsyncAPI`, `Documentation` or `Catalog`."""

    url: str
    """Its address."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Apis(ApiModel):
    """Interfaces of this server. Addresses are relative to that of this list: a server does not know under which
    name it is reached.
    """

    aid: str
    """Identifies the list."""

    apis: list[Api]
    """Interfaces."""

    common: list[ApiProperty]
    """What holds for all of them."""

    description: str
    """What it is a list of."""

    maintainers: list[Maintainer]
    """Who keeps it."""

    name: str
    """Name."""

    specificationVersion: str
    """Version of APIs.json."""

    tags: list[str]
    """Words to find it by."""

    type: str
    """`Index`: of one organisation."""

    url: str
    """Where this list is."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ApplicationList(ApiModel):
    """Applications, the newest first."""

    items: list[ApplicationResponse]
    """Applications."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ApplicationRequest(ApiModel):
    """What a system asks for, as in a file of `client-application.v1`. Unknown fields are refused."""

    application_no: str
    """Number that the applicant knows it by: 1 to 128 characters."""

    applied_by: str
    """Account of the applicant, who cannot approve: 1 to 128 characters."""

    certificate_sha256: str | None = None
    """SHA-256 of the certificate that it must show, 64 hexadecimal digits."""

    client_id: str
    """Id of the system: 1 to 64 letters, digits, `-` or `_`."""

    exchange_name: str | None = None
    """Its name at the exchange: instance/class/member/subsystem."""

    hours: str | None = None
    """When of a day it may call (time of Taiwan), such as `08:00-18:00`."""

    networks: list[str] | None = None
    """Networks that it may call from."""

    org: str
    """Code of its agency."""

    purposes: list[str]
    """Codes of what it may do that for, at least one."""

    scopes: list[str]
    """What it may do, at least one. What needs a strong login of people is registered at the machine only."""

    units: list[str] | None = None
    """Units below which it may see rows; the whole agency when empty."""

    valid_days: int | None = None
    """After how many days the registration ends."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ApplicationResponse(ApiModel):
    """An application."""

    application_id: str
    """Identifies it."""

    application_no: str
    """Number that the applicant knows it by."""

    certificate: bool
    """Whether it would have to show a certificate."""

    client_id: str
    """Id of the system."""

    exchange_name: str | None
    """Its name at the exchange."""

    hours: str | None
    """When of a day it would call."""

    networks: list[str]
    """Networks that it would call from."""

    org: str
    """Code of its agency."""

    purposes: list[str]
    """What for."""

    request: AskedResponse
    """Who applied, and what became of that."""

    scopes: list[str]
    """What it would be allowed to do."""

    sent_by: str
    """Who handed it over, and so cannot approve either."""

    units: list[str]
    """Units below which it would see rows."""

    valid_days: int | None
    """After how many days the registration would end."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ApprovalRequest(ApiModel):
    """An approval. Unknown fields are refused."""

    by: str | None = None
    """Who approves: only where callers are not proven; else it is whoever calls."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AskedResponse(ApiModel):
    """Who asked for something, and what became of it."""

    approved_at: str | None
    """When."""

    approved_by: str | None
    """Who approved it."""

    asked_at: str
    """When."""

    asked_by: str
    """Who asked."""

    done_at: str | None
    """When it was done to its end."""

    own: bool
    """Whether the caller asked, and so cannot approve."""

    reason: str
    """Why it was asked for."""

    rejected_at: str | None
    """When."""

    rejected_by: str | None
    """Who rejected it."""

    rejection: str | None
    """Why."""

    state: str
    """`waiting`, `approved`, `done` or `rejected`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Attachment(ApiModel):
    """An attachment."""

    name: str
    """File name."""

    pages: int | None = None
    """Pages."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AttemptResponse(ApiModel):
    """One attempt."""

    at: str
    """When."""

    failure: str | None
    """Why it failed: `status`, `timeout`, `connection`, `unknown_host`, `forbidden_address` or `url`; none when it
    did not.
    """

    status: int | None
    """The status that was answered; none when there was no answer."""

    took_ms: int
    """Milliseconds that it took."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioDelta(ApiModel):
    """A part of a streamed transcription."""

    delta: str
    """What was said next."""

    type: str
    """`transcript.text.delta`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioDone(ApiModel):
    """The end of a streamed transcription."""

    text: str
    """All that was said."""

    type: str
    """`transcript.text.done`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioError(ApiModel):
    """What went wrong."""

    code: str
    """Our code of the failure."""

    message: str
    """What to do, in Traditional Chinese."""

    param: str | None
    """The field that is wrong."""

    request_id: str
    """Identifies the call in our logs."""

    type: str
    """Its kind, by its status."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioFailure(ApiModel):
    """A failure as clients of this interface read it."""

    error: AudioError
    """It."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioMessage(ApiModel):
    """A message of a streamed transcription, as Server-Sent Events have it."""

    data: str
    """An `AudioDelta`, the `AudioDone`, an `AudioFailure`, or `[DONE]` at the end."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioSegment(ApiModel):
    """One utterance. What is not known of it is left out: `tokens`, `temperature`, `no_speech_prob`."""

    avg_logprob: float | None = None
    """Mean logarithm of the probabilities of its characters; none where nothing was transcribed."""

    compression_ratio: float
    """Bytes of the text over those that zlib makes of it: what repeats itself has more. Short texts have less than
    with Python's zlib, for which whisper's bound of 2.4 was chosen.
    """

    end: float
    """Seconds from the beginning."""

    id: int
    """From 0."""

    seek: int
    """Hundredths of a second from the beginning."""

    start: float
    """Seconds from the beginning."""

    text: str
    """What was said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioText(ApiModel):
    """The text alone."""

    text: str
    """What was said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioVerbose(ApiModel):
    """With segments and words."""

    duration: float
    """Length in seconds."""

    language: str
    """`chinese` or `english`: what most of it is spoken in."""

    segments: list[AudioSegment] | None = None
    """Utterances; when they were asked for."""

    task: str
    """`transcribe`."""

    text: str
    """What was said."""

    words: list[AudioWord] | None = None
    """Words; when they were asked for."""


@dataclass(frozen=True, kw_only=True, repr=False)
class AudioWord(ApiModel):
    """One word."""

    end: float
    """Seconds from the beginning."""

    start: float
    """Seconds from the beginning."""

    word: str
    """As written."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchItem(ApiModel):
    """One of them."""

    review_id: str
    """The item."""

    version: int
    """The version that was seen."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchOutcome(ApiModel):
    """What became of an item of a batch."""

    code: str | None
    """Number of the failure; null when it was accepted."""

    detail: str | None
    """Why it was not accepted."""

    review_id: str
    """The item."""

    version: int | None
    """Its version now; null when it was not accepted."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchRequest(ApiModel):
    """Documents whose first suggestion is accepted. Unknown fields are refused."""

    items: list[BatchItem]
    """1 to 50."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchResponse(ApiModel):
    """What became of a batch, in the order of the request."""

    items: list[BatchOutcome]
    """One for each item."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BinarySize(ApiModel):
    """Where data is bytes."""

    binary_data_size: int
    """How many."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BlobRequest(ApiModel):
    """An upload to open. Unknown fields are refused."""

    kind: str
    """What it is: 1 to 64 of `a-z`, `0-9` and `-`."""

    media_type: str
    """Its media type."""

    size: int
    """Its bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BlobResponse(ApiModel):
    """An upload."""

    blob_id: str
    """Identifies the upload."""

    expires_at: str
    """Until when it must be used."""

    part_size: int
    """Most bytes of one part; every part but the last should have so many."""

    parts: int
    """Parts of that size."""


@dataclass(frozen=True, kw_only=True, repr=False)
class BlobState(ApiModel):
    """How far an upload is."""

    blob_id: str
    """Identifies the upload."""

    complete: bool
    """Whether it is whole: it takes no more parts, and jobs may work on it."""

    expires_at: str
    """Until when it must be used."""

    part_size: int
    """Bytes of one part; the last has what is left."""

    parts: int
    """Parts of that size."""

    received: list[PartReceived]
    """Parts that are there, in order. Those that are shorter than they should be are to be sent again."""

    sha256: str | None
    """SHA-256 of its content; none while it is not whole."""

    size: int
    """Its bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CallUtterance(ApiModel):
    """Words said without a break by one speaker."""

    end: float
    """Seconds since the call began, not before `start`."""

    speaker: str | None = None
    """`citizen` or `agent`; left out when not known. What an agent asks is not looked for."""

    start: float
    """Seconds since the call began."""

    text: str
    """At most 1,000 code points."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CardCheckRequest(ApiModel):
    """A comparison that is complete. Unknown fields are refused; there is no place for a value."""

    decided_by: DecidedBy | None = None
    """Who decided."""

    document_type: DocumentType
    """Kind of document, as it was answered."""

    fields: list[CheckedField]
    """Every field that was compared, each once."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CardDocument(ApiModel):
    """Kind and place of a document."""

    corners: Corners | None
    """Corners of the card; null when no border was found."""

    image: ImageSize
    """The picture."""

    rotation: int
    """Clockwise rotation that makes the card upright: 0, 90, 180 or 270."""

    type: DocumentType
    """Kind."""

    type_score: float
    """Probability of the kind, 0 to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CasePurpose(ApiModel):
    """Why a text is read."""

    case_no: VisibleId | None = None
    """The case, if there is one: at most 64 characters."""

    code: str
    """Code of the purpose: 1 to 64 of `a-z`, `0-9` and `-`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Catalogue(ApiModel):
    """The services of this server."""

    services: list[ServiceEntry]
    """Each with its address."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ChangedUnit(ApiModel):
    """A unit that differs."""

    fields: list[str]
    """In what: `aliases`, `from`, `to`, `scope`."""

    path: str
    """Its path."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Check(ApiModel):
    """A check of a value."""

    name: str
    """Which."""

    ok: bool
    """Whether it holds."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckDigits(ApiModel):
    """Check digits of an MRZ."""

    birth: bool | None
    """Date of birth."""

    composite: bool | None
    """Composite."""

    expiry: bool | None
    """Date of expiry."""

    number: bool | None
    """Document number."""

    optional: bool | None
    """Optional data."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckedField(ApiModel):
    """A field that was compared. Unknown fields are refused."""

    confidence: float
    """As it was answered."""

    decision: str
    """`accepted`: it was read right; `corrected`: it was not."""

    name: FieldName
    """Its name."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Citation(ApiModel):
    """A piece of an approved source."""

    link: str | None
    """Where it was published."""

    quote: str
    """The piece, word for word."""

    quote_end: int
    """One past its last."""

    quote_start: int
    """First code point of the piece in the source's text."""

    score: float
    """Calibrated probability that the source answers the question, 0 to 1."""

    source_id: str
    """The source."""

    title: str | None
    """Its title, or its question where it has none."""

    unit: str | None
    """Who answers for it."""

    version: int
    """Its version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ClassificationRequest(ApiModel):
    """Letters to classify. Unknown fields are refused."""

    letters: list[Letter]
    """1 to 100."""

    options: LetterOptions | None = None
    """What to answer."""

    purpose: CasePurpose | None = None
    """Why the letters are read. May be left out in the demo profile."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ClassificationResponse(ApiModel):
    """The answer."""

    items: list[LetterItem]
    """One for each letter, in order."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ClientList(ApiModel):
    """Clients, by their ids."""

    items: list[ClientResponse]
    """Clients."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ClientResponse(ApiModel):
    """A client."""

    approved_by: str
    """Who approved it."""

    client_id: str
    """Identifies it."""

    exchange_name: str | None
    """Its name at the exchange."""

    expires_at: str | None
    """When the registration ends."""

    hours: str | None
    """When of a day it may call."""

    keys: list[KeyResponse]
    """Its keys: never the secret part."""

    networks: list[str]
    """Networks that it may call from; from everywhere when empty."""

    org: str
    """Code of its agency."""

    purposes: list[str]
    """What for."""

    scopes: list[str]
    """What it may do."""

    state: str
    """`active`, `suspended` or `expired`."""

    units: list[str]
    """Units below which it may see rows; the whole agency when empty."""

    used_at: str
    """About when it last called, or was registered or enabled."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(ApiModel):
    """An expected value against the value read."""

    match: bool | None
    """Whether they agree; null when the field was not read."""

    name: FieldName
    """Which field."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ComparisonResponse(ApiModel):
    """One entry for each agency, service and mode that has answers."""

    items: list[ModeComparison]
    """By service, agency and mode."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CompleteRequest(ApiModel):
    """The end of an upload. Unknown fields are refused."""

    sha256: str
    """SHA-256 of the whole content in 64 hexadecimal digits."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CompleteResponse(ApiModel):
    """An upload that is whole."""

    blob_id: str
    """Identifies the upload."""

    expires_at: str
    """Until when it must be used."""

    sha256: str
    """SHA-256 of its content."""

    size: int
    """Its bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ConfigTensor(ApiModel):
    """An input or output."""

    data_type: DataType
    """`TYPE_FP32` or `TYPE_INT64`."""

    dims: list[int]
    """Dimensions, without that of the rows where `max_batch_size` is not 0; -1 where any size will do."""

    name: str
    """Its name."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CopiedFileResponse(ApiModel):
    """A copy. It is not encrypted."""

    base64: str | None = None
    """Its content in base64, where it is none."""

    name: str
    """Its name: kind and id of the row, and what of it this is."""

    text: str | None = None
    """Its content, where that is text."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CopiesResponse(ApiModel):
    """Copies of what mentions a person."""

    files: list[CopiedFileResponse]
    """Files."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CorrectionDocument(ApiModel):
    """Who corrected an utterance last, when, and what was heard."""

    at: str
    """When (RFC 3339, UTC)."""

    by: str
    """Code of the person or the client."""

    heard: str
    """What was heard, in the same rendition."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CorrectionRequest(ApiModel):
    """Another text for an utterance. Unknown fields are refused."""

    purpose: Purpose | None = None
    """Why."""

    rendition: str | None = None
    """Which text was changed: `redacted` unless given, or `original`, which needs `speech:read`."""

    text: str
    """The whole utterance: at most 1000 characters, without line breaks; empty when nothing was said. In the
    redacted text masks stay as they are, or are left out.
    """


@dataclass(frozen=True, kw_only=True, repr=False)
class CorrectionResponse(ApiModel):
    """What a correction changed."""

    job_id: str
    """Identifies the transcription and its job."""

    segments: list[SegmentDocument]
    """Utterances that are shown otherwise now: the corrected one, and others where a number goes on that they share."""

    version: int
    """Times it was corrected; its `ETag`, for the next `If-Match`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Deadline(ApiModel):
    """By when a document must be answered."""

    calendar_complete: bool
    """Whether the loaded calendar lists every day that was counted; if not, a holiday may be missing."""

    date: str
    """The last day, ISO 8601."""

    rule: str
    """The rule in words."""

    working_days: int | None
    """Working days allowed; null for a document with its own day."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DecidedBy(ApiModel):
    """Who decided."""

    id: VisibleId | None = None
    """Id, never a name: at most 64 characters."""

    role: VisibleId | None = None
    """Role: at most 64 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DecisionRequest(ApiModel):
    """What was decided. Unknown fields are refused."""

    action: str
    """`accept` (the first suggestion), `correct` (another label) or `discard` (no case at all)."""

    label: str | None = None
    """The right label: a class of the model or a unit of the taxonomy. Needed for `correct`."""

    note_code: str | None = None
    """Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`."""

    unit: str | None = None
    """Path of the right unit."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DecisionResponse(ApiModel):
    """What was decided."""

    decided_at: str
    """When."""

    decision: str
    """`accepted`, `corrected` or `discarded`."""

    label: str | None
    """The right label, of a correction."""

    note_code: str | None
    """Code of the reason."""

    own: bool
    """Whether the caller decided."""

    undo_until: str | None
    """Until when it can be taken back; null when it is feedback by now."""

    unit: str | None
    """The right unit, where it was said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DefaultMode(ApiModel):
    """The mode of a service where nobody has chosen one."""

    mode: str
    """As the settings say."""

    modes: list[str]
    """The modes that may be chosen."""

    service: str
    """The service."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DeliveryPage(ApiModel):
    """A page of deliveries, the newest first."""

    items: list[DeliveryResponse]
    """Deliveries."""

    next: str | None
    """Value of `before` for the next page; none at the end."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DeliveryResponse(ApiModel):
    """An event on its way to a webhook."""

    attempts: list[AttemptResponse]
    """Every attempt, oldest first."""

    created_at: str
    """When it was queued."""

    delivery_id: str
    """Identifies it; the `webhook-id` of every attempt."""

    event: str
    """Name of the event."""

    next_attempt_at: str | None
    """When it is tried next; none when it is settled."""

    state: str
    """`due`, `delivered` or `failed`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DifferenceResponse(ApiModel):
    """An answer that differs from what was decided."""

    decided: str
    """What was decided."""

    decided_at: str
    """When it was decided."""

    given: str
    """The label that was answered first."""

    prediction_id: str
    """The prediction, as `GET /api/v1/predictions/{id}` has it for whoever may see it."""

    score: float
    """Its probability."""

    version: str
    """Version of the model."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DispatchBecause(ApiModel):
    """Why a unit or officer is suggested."""

    end: int | None = None
    """One past the last."""

    field: str | None = None
    """`subject`, `body` or `cited_numbers`, of `own_number` and `term`."""

    index: int | None = None
    """Which paragraph or number, from 0."""

    kind: str
    """`own_number`, `prior_case` or `term`."""

    ref: str | None = None
    """The number, of `own_number` and `prior_case`."""

    start: int | None = None
    """First code point."""

    weight: float | None = None
    """What it added to the score, of `term`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DispatchOptions(ApiModel):
    """What to answer."""

    level: str | None = None
    """`unit` or `officer`; officers need `officers`."""

    top_k: int | None = None
    """Units and officers wanted, each 1 to 20."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DispatchRequest(ApiModel):
    """A document to dispatch. Unknown fields are refused."""

    document: Document
    """The document."""

    officers: list[Officer] | None = None
    """Officers to choose from; ids, never names."""

    options: DispatchOptions | None = None
    """What to answer."""

    prior_cases: list[PriorCase] | None = None
    """Earlier cases, newest first."""

    purpose: CasePurpose | None = None
    """Why the document is read. May be left out in the demo profile."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DispatchResponse(ApiModel):
    """The answer."""

    abstained: bool
    """The first unit is not likely enough for the promised precision."""

    automation: Automation
    """How far the main unit may be used, by the rules of the unit; `suggest` when it is not sure, or when the
    reviewed answers have broken the promise.
    """

    deadline: Deadline
    """By when."""

    decision_support: bool
    """Always: the answer supports a decision and is none."""

    disclosure: str
    """To be shown with the result."""

    excluded: list[Excluded]
    """Officers of the unit who cannot take it."""

    external_id: str | None
    """Your id."""

    ministry: Ministry | None
    """The likely ministry; null when the document is ours."""

    mode: str
    """`pilot` or `live`; `shadow`: what was suggested is kept to be compared, and not answered."""

    model: Model
    """What answered."""

    officers: list[SuggestedOfficer]
    """Best first; empty without officers in the request."""

    out_of_remit: bool
    """Whether it is another ministry's (移文)."""

    prediction_id: str
    """Identifies the prediction; feedback names it."""

    reasons: list[DispatchBecause]
    """Why."""

    requires_human: bool
    """Always: a person decides."""

    taxonomy_version: str
    """Version of the taxonomy."""

    units: list[Unit]
    """Main unit first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Document(ApiModel):
    """A document."""

    attachments: list[Attachment] | None = None
    """Attachments, by name only."""

    body: list[str] | None = None
    """Paragraphs: at most 200,000 code points together."""

    cited_numbers: list[VisibleId] | None = None
    """Numbers that the document answers, such as 台內戶字第1140123456號."""

    doc_type: str | None = None
    """文別."""

    due_on: str | None = None
    """The day that a 限期公文 states."""

    external_id: VisibleId | None = None
    """Your id, answered as it is: at most 64 characters."""

    issuer: Issuer | None = None
    """發文機關."""

    priority: str | None = None
    """速別: 最速件, 速件, 普通件 or 限期公文."""

    received_at: str | None = None
    """When it was received: a day, or RFC 3339; today when absent."""

    secrecy: str | None = None
    """密等: above 普通 the document is refused unread."""

    subject: str | None = None
    """主旨: at most 1,000 code points."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DocumentAnswer(ApiModel):
    """What was found in one picture."""

    document: CardDocument
    """The document."""

    face: Corners | None = None
    """Where the face is, if asked for and found."""

    fields: list[Field]
    """Fields, in the order of the document."""

    lines: list[Line] | None = None
    """Every line read, if asked for."""

    mrz: Mrz | None
    """Machine-readable zone, if there is one."""

    quality: Quality
    """The picture's quality."""

    redacted_image: str | None = None
    """PNG with the numbers masked, base64, if asked for."""

    timings_ms: TimingsMs
    """Where the time went, in milliseconds."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Drift(ApiModel):
    """What the answers of one service say beside those that its version gave at first."""

    advice: str
    """`wait` (too few answers to tell), `none`, `look` (what is asked or answered has changed) or `retrain`
    (officers' reviews say that the promised precision does not hold).
    """

    figures: list[DriftMeasure]
    """Comparisons of the last days, the oldest first."""

    model: Model
    """What answers."""

    service: str
    """`letters`, `documents` or `qa`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DriftMeasure(ApiModel):
    """One comparison of one feature on one day."""

    alarm: bool
    """Whether it counts: the value reaches the threshold, and chance does not explain it."""

    day: str
    """The day in Taiwan."""

    feature: str
    """`label` (first label), `confidence` (its probability), `length` (characters of the text) or `chinese` (their
    share of Chinese).
    """

    measure: str
    """`psi` (population stability index), `js` (Jensen–Shannon divergence in bits) or `ks` (Kolmogorov–Smirnov
    distance).
    """

    p: float
    """How likely that is by chance."""

    reference: int
    """Answers in the reference."""

    threshold: float
    """From where on it counts."""

    value: float
    """How far they lie apart."""

    window: int
    """Answers that were compared with it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DriftResponse(ApiModel):
    """One entry a service."""

    services: list[Drift]
    """Of the versions that answer now."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EmbeddingItem(ApiModel):
    """The vector of one text."""

    embedding: Vector
    """A unit vector."""

    index: int
    """Which text, from 0."""

    object: str
    """`embedding`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EmbeddingRequest(ApiModel):
    """Texts to embed. Unknown fields are refused."""

    dimensions: int | None = None
    """512, which is what the model has."""

    encoding_format: str | None = None
    """`float` or `base64` (little-endian floats of 32 bits); `float` unless given."""

    input: EmbeddingInput
    """A text, or 1 to 2,048 of them; none empty or blank, each of some 1,500 Chinese characters at most."""

    model: str
    """`use-multilingual-v3`."""

    user: str | None = None
    """Accepted, without effect."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EmbeddingResponse(ApiModel):
    """The answer."""

    data: list[EmbeddingItem]
    """One for each text, in their order."""

    model: str
    """What made them."""

    object: str
    """`list`."""

    usage: EmbeddingUsage
    """How much was read."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EmbeddingUsage(ApiModel):
    """How much was read."""

    prompt_tokens: int
    """Tokens of all texts, those for beginning and end included."""

    total_tokens: int
    """The same."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ErasedResponse(ApiModel):
    """What an approval has erased."""

    erased: int
    """Rows."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ErasureAskedResponse(ApiModel):
    """What is known of a request to erase when it is made."""

    erasure_id: str
    """Identifies it. Another person approves it."""

    found: int
    """Rows that mention the person now."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ErasureList(ApiModel):
    """Requests to erase, the newest first."""

    items: list[ErasureResponse]
    """Requests."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ErasureRequest(ApiModel):
    """An erasure to ask for. Unknown fields are refused."""

    by: str | None = None
    """Who asks: only where callers are not proven; else it is whoever calls."""

    identifier: str
    """The identifier; only a pseudonym of it is kept."""

    kind: str
    """`id-number`, `phone` or `email`."""

    reason: str
    """Why, or the number of a document, without personal data: 1 to 128 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ErasureResponse(ApiModel):
    """A request to erase."""

    agency: str | None
    """The agency whose rows are meant; null for those of all."""

    erasure_id: str
    """Identifies it."""

    request: AskedResponse
    """Who asked, and what became of it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class EscalationRequest(ApiModel):
    """Why an item is given up. Unknown fields are refused."""

    note_code: str | None = None
    """Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ExchangeMeta(ApiModel):
    """What the sender's system knows of an exchange file beside it. Unknown fields are refused."""

    due_on: str | None = None
    """The day that a 限期公文 states."""

    officers: list[Officer] | None = None
    """Officers to choose from; ids, never names."""

    options: DispatchOptions | None = None
    """What to answer."""

    prior_cases: list[PriorCase] | None = None
    """Earlier cases, newest first."""

    purpose: CasePurpose | None = None
    """Why the document is read. May be left out where the client has one purpose."""

    received_at: str | None = None
    """When it was received: a day, or RFC 3339; today when absent."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Excluded(ApiModel):
    """An officer who cannot take it."""

    officer_id: str
    """Id."""

    why: str
    """差假 or 迴避."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FeedbackRequest(ApiModel):
    """Feedback on a prediction. Unknown fields are refused."""

    decided_by: DecidedBy | None = None
    """Who decided."""

    decision: Verdict
    """What was decided."""

    label: str | None = None
    """The right label: a class of the model, a unit of the taxonomy or the id of a source. Needed for `corrected`."""

    reason: str | None = None
    """Code of the reason: 1 to 64 of `a-z`, `0-9`, `_` and `-`."""

    unit: str | None = None
    """Path of the right unit."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Field(ApiModel):
    """A field."""

    box: Corners | None = None
    """Where; absent when not asked for."""

    checks: list[Check]
    """Checks made."""

    confidence: float
    """Probability that `value` is right, 0 to 1."""

    name: FieldName
    """Which."""

    raw: str
    """As printed."""

    repair: str | None
    """Why the value differs from `raw` beyond normalisation; null when it does not."""

    status: FieldStatus
    """How far to trust it."""

    value: str | None
    """Normalised value (dates ISO 8601, sex `M` or `F`); null when not legible."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FieldStatistics(ApiModel):
    """Checks of one field of one kind of document."""

    checked: int
    """How often it was compared."""

    confidence: float
    """Mean confidence that was answered."""

    document_type: str
    """The kind of document."""

    field: str
    """The field."""

    interval: list[float]
    """95 % interval of it (Wilson), low and high."""

    measured: float
    """Share that was right."""

    right: int
    """How often it was right; the others were corrected."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Flags(ApiModel):
    """Flags. By rule those with 0 or 1, by a model those in between."""

    confidential_report: float
    """檢舉, or the writer asks for secrecy: 0 or 1."""

    instruction_like: bool
    """Reads like instructions to a machine; changes nothing."""

    marks: list[Mark]
    """The words that raised flags; at most 100."""

    ministry: Ministry | None = None
    """The most likely other ministry; absent without a model of ministries."""

    no_substance: float
    """Nothing that could be handled: 0 or 1."""

    not_our_remit: float | None
    """Probability that it is another ministry's; null without a model of ministries."""

    repeated: str | None
    """The prediction of an earlier letter that says nearly the same; null when there is none."""

    repeated_similarity: float | None = None
    """Similarity to it, 0 to 1; absent when there is none."""

    sensitive: bool
    """Signs of danger: a person must see it at once."""

    urgent: float
    """The writer calls it urgent, or names a day: 0 or 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FoundResponse(ApiModel):
    """What mentions a person, the oldest first."""

    items: list[FoundRow]
    """Rows."""


@dataclass(frozen=True, kw_only=True, repr=False)
class FoundRow(ApiModel):
    """A row that mentions a person."""

    agency: str | None
    """The agency that sent it; null when the row itself is gone."""

    expires_at: str | None
    """When it is erased by itself."""

    id: str
    """Its id."""

    kind: str
    """`prediction` or `job`."""

    label_corrected_at: str | None
    """Where it is corrected. What somebody wrote or said is kept as it came: it is corrected in the system that sent
    it, which sends it again. A label is corrected by this route; null where there is none.
    """

    noted_at: str
    """Since when it is known to mention the person."""

    service: str | None
    """Of which service; null when the row itself is gone."""


@dataclass(frozen=True, kw_only=True, repr=False)
class GivenFeedback(ApiModel):
    """Feedback that was given."""

    created_on: str
    """Day it was given (UTC)."""

    decision: str
    """What was decided."""

    label: str | None
    """The right label."""


@dataclass(frozen=True, kw_only=True, repr=False)
class GivenLabel(ApiModel):
    """A label that was given."""

    code: str
    """As the model was trained with."""

    score: float
    """Calibrated probability, 0 to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldLaidResponse(ApiModel):
    """A hold that was laid."""

    hold_id: str
    """Identifies it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldList(ApiModel):
    """Holds, the newest first."""

    items: list[HoldResponse]
    """Holds; also those that were lifted."""


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldRequest(ApiModel):
    """A hold to lay. Unknown fields are refused."""

    by: str | None = None
    """Who approves it: only where callers are not proven."""

    held: str
    """`subject`, `prediction`, `job` or `case`."""

    identifier: str | None = None
    """Of a subject: the identifier; only a pseudonym of it is kept."""

    kind: str | None = None
    """Of a subject: `id-number`, `phone` or `email`."""

    object: str | None = None
    """Id of the row or number of the case; for `subject` an identifier is given instead."""

    reason: str
    """Why, or the number of a document, without personal data: 1 to 128 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class HoldResponse(ApiModel):
    """A hold."""

    agency: str | None
    """The agency whose rows it holds; null for those of all."""

    approved_by: str
    """Who approved it."""

    created_at: str
    """Since when."""

    held: str
    """`subject`, `prediction`, `job` or `case`."""

    hold_id: str
    """Identifies it."""

    lifted_at: str | None
    """When it was lifted."""

    lifted_by: str | None
    """Who lifted it."""

    object: str
    """Id of the row, number of the case, or the pseudonym of a person."""

    reason: str
    """Why."""


@dataclass(frozen=True, kw_only=True, repr=False)
class IdentityStatistics(ApiModel):
    """The newest checks of what the model that answers now has read of ID images; no value is kept of any."""

    checked: int
    """Recognitions that were checked."""

    fields: list[FieldStatistics]
    """By kind of document and field."""

    model: Model
    """What reads."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ImageSize(ApiModel):
    """Size of a picture as displayed (EXIF orientation applied)."""

    height: int
    """Rows."""

    width: int
    """Pixels per row."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InferFailure(ApiModel):
    """A failure as clients of this protocol read it."""

    code: str
    """Our code of the failure."""

    error: str
    """What went wrong and what to do, in Traditional Chinese."""

    request_id: str
    """Identifies the call in our logs."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InferRequest(ApiModel):
    """A request. Unknown fields are refused, and so is every parameter that is not listed here."""

    id: VisibleId | None = None
    """Answered as it is: at most 64 characters."""

    inputs: list[RequestInput]
    """One for each input of the model."""

    outputs: list[RequestedOutput] | None = None
    """Which outputs are wanted; all unless given."""

    parameters: RequestParameters | None = None
    """Of the request."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InferResponse(ApiModel):
    """The answer."""

    id: str | None = None
    """The caller's name for its request."""

    model_name: str
    """What computed it."""

    model_version: str
    """Its version."""

    outputs: list[ResponseOutput]
    """Those that were wanted."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InferenceStatistics(ApiModel):
    """Calls by how they ended; a caller that left before the end is neither."""

    fail: StatisticDuration
    """Failed, whatever the reason."""

    success: StatisticDuration
    """Answered."""


@dataclass(frozen=True, kw_only=True, repr=False)
class InputParameters(ApiModel):
    """Parameters of an input."""

    binary_data_size: int | None = None
    """Bytes of its data, which follow the JSON in the order of the inputs: little-endian."""


@dataclass(frozen=True, kw_only=True, repr=False)
class IssuedKeyResponse(ApiModel):
    """A key that was made just now. No `Debug`: it holds a credential."""

    key: str
    """The whole key: it is shown this once."""

    key_id: str
    """The part that is no secret."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Issuer(ApiModel):
    """Who sent a document."""

    name: str | None = None
    """Name."""

    org: str | None = None
    """機關代碼."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobAccepted(ApiModel):
    """A job that was accepted. A repetition under the same `Idempotency-Key` is answered the same bytes."""

    created_at: str
    """When it was accepted."""

    estimated_finish_at: str | None
    """When it may have ended; none while nothing is known."""

    job_id: str
    """Identifies the job."""

    links: JobLinks
    """Where to go from here."""

    queue_position: int
    """Jobs before it."""

    state: str
    """`queued`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobChange(ApiModel):
    """A change of a job, as an event of the stream."""

    attempt: int
    """Times it was begun."""

    created_at: str
    """When."""

    error: str | None = None
    """Code of the failure."""

    job_id: str
    """Identifies the job."""

    progress: float | None = None
    """Share that is done, 0 to 1."""

    state: str
    """Its state after the change."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobLinks(ApiModel):
    """Paths of a job."""

    cancel: str
    """Takes it back."""

    events: str
    """Its changes as they happen."""

    result: str
    """Its result, once it has succeeded."""

    self: str
    """Its state."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobListRequest(ApiModel):
    """Which jobs are listed, for transports without queries. Unknown fields are refused."""

    before: str | None = None
    """`next` of the page before."""

    limit: int | None = None
    """Jobs of the page: 1 to 200, 50 unless given."""

    service: str | None = None
    """Only those of this service."""

    state: str | None = None
    """Only those in this state."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobMessage(ApiModel):
    """A message of the stream of changes, as Server-Sent Events have it."""

    data: str
    """A `JobChange`."""

    event: str
    """The state after the change."""

    id: str
    """The version of the job after the change; `Last-Event-ID` goes on behind it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobPage(ApiModel):
    """A page of jobs, the newest first."""

    items: list[JobResponse]
    """Jobs."""

    next: str | None
    """Value of `before` for the next page; none at the end."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobRequest(ApiModel):
    """A job to do. Exactly one of `input` and `blob_id`. Unknown fields are refused."""

    blob_id: str | None = None
    """Id of a complete upload."""

    input: dict[str, Any] | None = None
    """What it works on: the body that the operation takes when it is called directly, at most 64 KiB."""

    operation: str
    """Which of its operations."""

    priority: int | None = None
    """Among the client's own jobs, higher goes first: -100 to 100, 0 unless given."""

    purpose: Purpose | None = None
    """Why."""

    service: str
    """Which service."""


@dataclass(frozen=True, kw_only=True, repr=False)
class JobResponse(ApiModel):
    """A job."""

    attempt: int
    """Times it was begun."""

    cancel_requested: bool
    """Whether it was taken back."""

    created_at: str
    """When it was accepted."""

    error: str | None
    """Code of the failure, see the list of error codes."""

    estimated_finish_at: str | None
    """When it may have ended; none when nothing is known, or it has ended."""

    expires_at: str
    """When it is erased."""

    finished_at: str | None
    """When it ended."""

    job_id: str
    """Identifies the job."""

    links: JobLinks
    """Where to go from here."""

    max_attempts: int
    """Times it is tried before it is dead."""

    operation: str
    """Which of its operations."""

    progress: float | None
    """Share that is done, 0 to 1."""

    queue_position: int | None
    """Jobs before it; none when it does not wait."""

    service: str
    """Which service."""

    started_at: str | None
    """When its latest attempt began."""

    state: str
    """`queued`, `running`, `succeeded`, `failed`, `cancelled` or `dead`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class KeyResponse(ApiModel):
    """A key of a client."""

    created_at: str
    """When it was made."""

    demo: bool
    """Whether it is for demonstrations only."""

    key_id: str
    """The part that is no secret."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Label(ApiModel):
    """A label."""

    code: str
    """As the model was trained with."""

    name: str
    """In words."""

    score: float
    """Calibrated probability, 0 to 1."""

    unit: str | None
    """Path of the unit; null when the label names no unit of today."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LabelStatistics(ApiModel):
    """Reviews of answers with one first label."""

    label: str
    """The label."""

    reviewed: int
    """Answers reviewed."""

    right: int
    """Those that were right."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Lease(ApiModel):
    """Who holds an item."""

    own: bool
    """Whether it is the caller."""

    until: str
    """Until when."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Letter(ApiModel):
    """A letter."""

    body: str | None = None
    """At most 200,000 code points."""

    channel: VisibleId | None = None
    """Where it came in: at most 64 characters."""

    external_id: VisibleId | None = None
    """Your id, answered as it is: at most 64 characters."""

    received_at: str | None = None
    """When: a day, or RFC 3339."""

    subject: str | None = None
    """At most 1,000 code points."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LetterItem(ApiModel):
    """What one letter gave."""

    abstained: bool
    """The first label is not likely enough for the promised precision, or the letter says nothing."""

    automation: Automation
    """How far the first label may be used, by the rules of its unit; `suggest` when it is not sure, or when the
    reviewed answers have broken the promise.
    """

    decision_support: bool
    """Always: the answer supports a decision and is none."""

    disclosure: str
    """To be shown with the result."""

    evidence: list[Evidence]
    """Words that drove the first label, strongest first."""

    external_id: str | None
    """Your id."""

    flags: Flags
    """What an officer should know before opening it."""

    labels: list[Label]
    """Most likely first."""

    mode: str
    """`pilot` or `live`; `shadow`: what was suggested is kept to be compared, and not answered."""

    model: Model
    """What answered."""

    pii: list[Pii]
    """Personal data found by rule."""

    pii_omitted: int
    """Findings of personal data beyond those listed."""

    prediction_id: str
    """Identifies the prediction; feedback names it."""

    requires_human: bool
    """Always: a person decides."""

    taxonomy_version: str
    """Version of the taxonomy."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LetterOptions(ApiModel):
    """What to answer."""

    explain: bool | None = None
    """Answer the words that drove the first label."""

    taxonomy: VisibleId | None = None
    """The taxonomy you expect, `name@version`; refused when another version is loaded."""

    top_k: int | None = None
    """Labels wanted, 1 to 20."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Line(ApiModel):
    """A line of text."""

    box: Corners
    """Where."""

    confidence: float
    """Mean probability of its characters."""

    text: str
    """As read."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageReady(ApiModel):
    """Sound may be sent."""

    frame_bytes: int
    """Bytes of a frame at most."""

    idle: float
    """Seconds after which a connection without a frame is closed."""

    received: float
    """Seconds of sound that arrived before; go on there."""

    resume: float
    """Seconds that a broken stream waits to be taken up again."""

    token: str
    """By which the stream is taken up again should the connection break."""

    type: Literal["ready"] = "ready"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessagePartial(ApiModel):
    """What was said so far since the last `final`. It may change; each replaces the one before."""

    end: float
    """Seconds from the beginning of the stream."""

    start: float
    """Seconds from the beginning of the stream."""

    text: str
    """What was said."""

    type: Literal["partial"] = "partial"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageFinal(ApiModel):
    """A finished utterance."""

    confidence: float
    """0 to 1."""

    end: float
    """Seconds from the beginning of the stream."""

    id: int
    """From 0, without gaps."""

    language: str
    """`zh-TW`, `en`, or `und` for what is not transcribed."""

    low_confidence: bool
    """A person should hear it again."""

    start: float
    """Seconds from the beginning of the stream."""

    text: str
    """What was said."""

    type: Literal["final"] = "final"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageAnswer(ApiModel):
    """What approved sources say to a question of the finished utterances; only with `answers=true`."""

    end: float
    """Seconds from the beginning of the stream."""

    id: int
    """Number of the `final` in which the question ends."""

    question: str
    """Its words, personal data masked, with those of the sentence before where it is short."""

    result: AnswerResponse
    """As `POST /api/v1/qa/answers` answers; feedback is given under its `answer_id`."""

    start: float
    """Seconds from the beginning of the stream."""

    type: Literal["answer"] = "answer"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageUnasked(ApiModel):
    """A question could not be looked up; the stream goes on."""

    code: str
    """Code of the failure."""

    end: float
    """Seconds from the beginning of the stream."""

    id: int
    """Number of the `final` in which the question ends."""

    message: str
    """What to do, in Traditional Chinese."""

    question: str
    """Its words, as of `answer`."""

    start: float
    """Seconds from the beginning of the stream."""

    type: Literal["unasked"] = "unasked"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageDone(ApiModel):
    """Everything was heard; the connection is closed."""

    received: float
    """Seconds of sound that arrived."""

    type: Literal["done"] = "done"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveMessageError(ApiModel):
    """The stream cannot go on; the connection is closed."""

    code: str
    """Code of the failure."""

    message: str
    """What to do, in Traditional Chinese."""

    type: Literal["error"] = "error"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveRequestStart(ApiModel):
    """The first message: begins a stream."""

    encoding: str | None = None
    """How frames are coded: `pcm` unless `opus` is said."""

    purpose: Purpose | None = None
    """Why."""

    rate: int
    """Samples a second: 8000 or 16000; with `opus` also 48000."""

    rendition: str | None = None
    """Which text is given: `redacted` unless `original` is asked for."""

    type: Literal["start"] = "start"

    vocabulary: list[str] | None = None
    """Names and terms that are likely to be said."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveRequestResume(ApiModel):
    """The first message: takes a stream up again whose connection broke."""

    after: int | None = None
    """Number of the last `final` that arrived; all are told again without it."""

    rendition: str | None = None
    """Which text is given."""

    token: str
    """As `ready` told it."""

    type: Literal["resume"] = "resume"


@dataclass(frozen=True, kw_only=True, repr=False)
class LiveRequestEnd(ApiModel):
    """No sound follows."""

    type: Literal["end"] = "end"


@dataclass(frozen=True, kw_only=True, repr=False)
class Maintainer(ApiModel):
    """Who keeps a list."""

    name: str
    """Name of the organisation."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Meta(ApiModel):
    """What the caller says about the pictures. Unknown fields are ignored."""

    expected: dict[str, str] | None = None
    """Values to compare with, by field name; `*` stands for any one character. Neither stored nor logged."""

    options: Options | None = None
    """What to answer."""

    purpose: Purpose | None = None
    """Why the document is read."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Ministry(ApiModel):
    """Another ministry."""

    name: str
    """Its name."""

    score: float
    """Probability that the matter is not ours, 0 to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModeComparison(ApiModel):
    """Answers of an agency's service in one mode beside the last word on each."""

    agreement: AgreedShare
    """Those of the newest decisions that say what was answered."""

    answered: int
    """Answers that are kept."""

    differences: list[DifferenceResponse]
    """The newest answers that differ from what was decided; at most 50."""

    mode: str
    """The mode in which the answers were made; those of `shadow` were shown to nobody before they were decided."""

    org: str
    """Code of the agency."""

    service: str
    """`letters`, `documents` or `qa`."""

    units: list[NamedShare]
    """By what was decided, the most frequent first."""

    versions: list[NamedShare]
    """By version of the model, the newest decision first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModeList(ApiModel):
    """Modes that were chosen, and those of everybody else."""

    defaults: list[DefaultMode]
    """Those of agencies for which none was chosen."""

    items: list[ModeResponse]
    """Chosen ones, by agency and service."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModeRequest(ApiModel):
    """A mode to choose. Unknown fields are refused."""

    by: str | None = None
    """Who chooses it: only where callers are not proven."""

    mode: str
    """`off`, `shadow`, `pilot` or `live`; `default`: as the settings of the service say."""

    reason: str
    """Why: 1 to 128 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModeResponse(ApiModel):
    """In which mode an agency has a service."""

    changed_at: str | None
    """When."""

    changed_by: str | None
    """Who chose it."""

    mode: str
    """`off`: calls are refused with ER0312. `shadow`: answers are kept to be compared, and not answered. `pilot`:
    answered to the units that try it. `live`: answered to all.
    """

    org: str
    """Code of the agency."""

    reason: str | None
    """Why it was chosen; null where the settings say so."""

    service: str
    """`letters`, `documents`, `speech`, `qa` or `identity-documents`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Model(ApiModel):
    """A model, by name and content."""

    name: str
    """Identifier."""

    sha256: str
    """SHA-256 of its content, lower-case hex."""

    version: str
    """Version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelConfig(ApiModel):
    """The configuration of a model, as far as clients read it."""

    input: list[ConfigTensor]
    """Inputs."""

    max_batch_size: int
    """Most rows of a call; 0 where `dims` say all dimensions."""

    name: str
    """Its name."""

    output: list[ConfigTensor]
    """Outputs."""

    platform: str
    """`onnx` or `candle`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelMetadata(ApiModel):
    """What a loaded model takes and gives."""

    inputs: list[TensorMetadata]
    """Inputs."""

    name: str
    """Its name."""

    outputs: list[TensorMetadata]
    """Outputs."""

    platform: str
    """`onnx` or `candle`."""

    versions: list[str]
    """Its versions: the one that answers, and the one that is tried beside it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelReady(ApiModel):
    """Whether a model answers."""

    name: str
    """Its name."""

    ready: bool
    """Always true; otherwise the answer is a failure."""


@dataclass(frozen=True, kw_only=True, repr=False)
class MovedLabel(ApiModel):
    """A label that would mean another unit."""

    after: str | None
    """The unit that it would mean."""

    before: str | None
    """The unit that it means now; null when it means none."""

    label: str
    """The label."""

    service: str
    """`letters` or `documents`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Mrz(ApiModel):
    """A machine-readable zone."""

    check_digits: CheckDigits
    """Whether the check digits hold; null where the layout has none."""

    lines: list[str]
    """Lines."""

    repaired: bool
    """Whether a character was corrected with the help of the check digits."""

    type: MrzFormat
    """Layout."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NamedCorrectionRequest(ApiModel):
    """The same for transports without paths: it names the transcription, the utterance and the version that was
    seen. Unknown fields are refused.
    """

    job_id: str
    """The transcription."""

    purpose: Purpose | None = None
    """Why."""

    rendition: str | None = None
    """As of [`CorrectionRequest`]."""

    segment: int
    """The utterance: its `id` in the transcript."""

    text: str
    """As of [`CorrectionRequest`]."""

    version: int
    """The `version` of the transcript that was seen."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NamedFeedbackRequest(ApiModel):
    """Feedback that names its prediction, for transports without paths. Unknown fields are refused."""

    decided_by: DecidedBy | None = None
    """Who decided."""

    decision: Verdict
    """What was decided."""

    label: str | None = None
    """As of [`FeedbackRequest`]."""

    prediction_id: str
    """The prediction."""

    reason: str | None = None
    """As of [`FeedbackRequest`]."""

    unit: str | None = None
    """As of [`FeedbackRequest`]."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NamedJobRequest(ApiModel):
    """A job that is named, for transports without paths. Unknown fields are refused."""

    job_id: str
    """The job."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NamedShare(AgreedShare):
    """The same of a part."""

    name: str
    """The unit or label that was decided, or the version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NextRequest(ApiModel):
    """What is taken next. Unknown fields are refused."""

    kind: str | None = None
    """`letter`, `document`, `identity_document` or `transcript`; any kind without it."""

    unit: str | None = None
    """Of a unit and those below it only."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NextResponse(ApiModel):
    """The next item."""

    review: ReviewResponse | None
    """It; null when nothing waits."""


@dataclass(frozen=True, kw_only=True, repr=False)
class NoticeDocument(ApiModel):
    """What a person should know of a recording."""

    code: str
    """`truncated`, `gaps` or `quiet`; others may follow."""

    message: str
    """The same in words."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Officer(ApiModel):
    """An officer as your system knows one."""

    conflict: bool | None = None
    """Must not handle this matter."""

    duties: list[str] | None = None
    """Words of the duties."""

    officer_id: VisibleId
    """Id, never a name: at most 64 characters."""

    on_leave: bool | None = None
    """Away."""

    open_cases: int | None = None
    """Cases not yet closed."""

    unit: str
    """Path of the unit."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Options(ApiModel):
    """What to answer."""

    boxes: bool | None = None
    """Answer the place of each field."""

    face: bool | None = None
    """Answer the place of the face."""

    lines: bool | None = None
    """Answer every line read."""

    redacted_image: bool | None = None
    """Answer the picture with its numbers masked."""

    types: list[DocumentType] | None = None
    """Accepted kinds of document; another kind sets `needs_review`. Every kind when absent."""


@dataclass(frozen=True, kw_only=True, repr=False)
class OutputParameters(ApiModel):
    """Parameters of an output."""

    binary_data: bool | None = None
    """Whether it is answered as bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PartReceived(ApiModel):
    """A part that is there."""

    number: int
    """Its number, from 1."""

    size: int
    """Its bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PictureRequest(ApiModel):
    """Pictures to recognise. Unknown fields are refused."""

    images: list[PictureSource]
    """One or two."""

    meta: Meta | None = None
    """As the `meta` part of the form. May be left out in the demo profile."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PictureSource(ApiModel):
    """Where a picture is: exactly one of both."""

    blob_id: VisibleId | None = None
    """Id of an upload."""

    data: str | None = None
    """The file, base64; the whole message must fit the bus."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PiiDocument(ApiModel):
    """Personal data in a segment."""

    end: int
    """One past the last."""

    kind: str
    """Its kind."""

    start: int
    """First code point."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Place(ApiModel):
    """A piece of a field of a letter as sent: Unicode code points, end exclusive."""

    end: int
    """One past the last."""

    field: str
    """`subject` or `body`."""

    start: int
    """First code point."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PredictionResponse(ApiModel):
    """A prediction as kept; without its text."""

    created_on: str
    """Day it was made (UTC)."""

    expires_on: str
    """Day on which it is erased (UTC)."""

    feedback: list[GivenFeedback]
    """Feedback so far, oldest first."""

    labels: list[GivenLabel]
    """Most likely first; those of the shadow only once somebody has decided without them."""

    mode: str | None = None
    """In which mode the agency had the service; absent before there were modes."""

    model: Model
    """What answered."""

    prediction_id: str
    """Identifies it."""

    service: str
    """`letters`, `documents` or `qa`."""

    taxonomy_version: str
    """Version of the taxonomy."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PriorCase(ApiModel):
    """An earlier case."""

    officer_id: VisibleId
    """Who handled it."""

    reference: VisibleId
    """Its number: at most 64 characters."""

    similarity: float | None = None
    """Of a like text, 0 to 1."""

    tie: str
    """`cited_number`, `same_applicant` or `similar`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Problem(ApiModel):
    """An error, as answered with `application/problem+json`."""

    code: str
    """Number of the kind, see the list of error codes."""

    detail: str
    """This occurrence in words, never with content of the request."""

    errors: list[ProblemError]
    """Which values are wrong."""

    instance: str
    """The call."""

    status: int
    """HTTP status."""

    title: str
    """The kind in words; the same for each occurrence."""

    trace_id: str
    """The caller's trace (`traceparent`), or the call's own id."""

    type: str
    """Identifies the kind of problem; `/problems/` and the code in lower case."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ProblemError(ApiModel):
    """A wrong value."""

    code: str
    """Number of the failure."""

    detail: str
    """What is expected."""

    pointer: str
    """JSON pointer to the value."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Promise(ApiModel):
    """Promised precision of sure answers beside the measured one."""

    interval: list[float]
    """95 % interval of it (Wilson), low and high."""

    measured: float | None
    """Their share; null when none was reviewed."""

    precision: float
    """Promised when the classifier was trained."""

    reviewed: int
    """Sure answers reviewed."""

    right: int
    """Those that were right."""

    state: str
    """`untested` (too few reviews), `kept`, or `broken`: then every answer is only a suggestion."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ProposalList(ApiModel):
    """Proposals, the newest first."""

    items: list[ProposalResponse]
    """Proposals."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ProposalRequest(ApiModel):
    """A version to propose. Unknown fields are refused."""

    by: str | None = None
    """Who proposes it: only where callers are not proven."""

    model: str
    """`letters`, `documents` or `ministries`; before it the code of an agency with units of its own and `/`."""

    reason: str
    """Why: 1 to 128 characters."""

    version: int
    """Number of a version that is there; 0 is part of the program."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ProposalResponse(ApiModel):
    """A proposal."""

    model: str
    """The model."""

    proposal_id: str
    """Identifies it."""

    request: AskedResponse
    """Who proposed it, and what became of that."""

    sha256: str
    """SHA-256 of the version as it was proposed: nothing else is approved."""

    version: int
    """The version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Purpose(ApiModel):
    """Why a document is read."""

    case_no: str | None = None
    """The case, if there is one: at most 64 characters."""

    code: str
    """Code of the purpose: 1 to 64 of `a-z`, `0-9` and `-`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Quality(ApiModel):
    """Technical quality of a picture."""

    cropped: bool
    """Whether the card touches the edge of the picture."""

    glare: float
    """Share of the card that is clipped highlight, 0 to 1."""

    n_cards: int
    """Cards seen."""

    reasons: list[Reason]
    """Why."""

    recapture_suspected: bool
    """Hint only: looks like a photo of a screen or a print."""

    resolution_ok: bool
    """Whether the card is wide enough to read."""

    retake: bool
    """Whether to take the picture again."""

    sharpness: float
    """0 (blurred) to 1 (crisp)."""


@dataclass(frozen=True, kw_only=True, repr=False)
class QuestionContext(ApiModel):
    """What was asked before."""

    previous_question: str | None = None
    """The question before this one in the same conversation; used only when this one is not clear by itself."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Reason(ApiModel):
    """Why to take a picture again."""

    code: RetakeReason
    """Why."""

    text: str
    """What to do, in Traditional Chinese."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RecognitionAnswer(DocumentAnswer):
    """The answer. Not `Debug`: it holds what is printed on somebody's card."""

    comparisons: list[Comparison]
    """Expected values against the values read on any of the pictures."""

    decision_support: bool
    """Always: the answer supports a decision and is none."""

    disclosure: str
    """To be shown with the result."""

    documents: list[DocumentAnswer] | None = None
    """Every picture in order; absent when one was sent."""

    model: Model
    """What answered."""

    needs_review: bool
    """Whether a value is in doubt, a check or comparison failed, or a picture should be taken again."""

    recognition_id: str
    """Identifies the recognition."""

    requires_human: bool
    """Always: a person decides."""

    truncated: bool
    """Never: nothing of a picture is left out for its size."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RejectionRequest(ApiModel):
    """A rejection. Unknown fields are refused."""

    by: str | None = None
    """Who rejects: only where callers are not proven."""

    reason: str
    """Why, without personal data: 1 to 128 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReplayDifference(ApiModel):
    """A text to which two versions say something else."""

    active: str
    """What the active one says first."""

    candidate: str
    """What the proposed version says first."""

    decided: str
    """What was decided."""

    prediction_id: str
    """The prediction."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReplayResponse(ApiModel):
    """A version that is proposed beside the one that answers: what both say to texts that officers have decided on."""

    active: AgreedShare
    """How often the active one does."""

    active_version: str
    """The version that answers."""

    alike: AgreedShare
    """How often both say the same."""

    candidate: AgreedShare
    """How often the proposed one says what was decided."""

    candidate_version: str
    """The version that is proposed."""

    differences: list[ReplayDifference]
    """The newest texts to which they say something else; at most 50."""

    model: str
    """The model."""

    units: list[ReplayUnit]
    """By what was decided, the most frequent first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReplayUnit(ApiModel):
    """The same of a part."""

    active: AgreedShare
    """The active one."""

    candidate: AgreedShare
    """The proposed version."""

    name: str
    """What was decided."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepositoryIndexRequest(ApiModel):
    """Which models are listed. May be left out."""

    ready: bool | None = None
    """Only those that answer."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepositoryModel(ApiModel):
    """A model of the repository."""

    name: str
    """Its name."""

    reason: str
    """Why it does not answer; empty when it does."""

    state: str
    """`READY` or `UNAVAILABLE`."""

    version: str
    """Its version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepositoryModelRequest(ApiModel):
    """Load or unload. May be left out."""

    parameters: RepositoryParameters | None = None
    """Of them only `unload_dependents` is known, which has no effect: no model depends on another."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepositoryModelResponse(ApiModel):
    """Load or unload is done."""

    name: str
    """The model."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepositoryParameters(ApiModel):
    """Parameters of load and unload."""

    unload_dependents: bool | None = None
    """Accepted, without effect."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RequestInput(ApiModel):
    """A tensor for the model."""

    data: list[float] | None = None
    """Row-major elements: a flat list, or lists in lists by the shape."""

    datatype: str
    """`FP32` or `INT64`."""

    name: str
    """Name of the input."""

    parameters: InputParameters | None = None
    """How many bytes of the body are its data, where they are not in JSON."""

    shape: list[int]
    """Dimensions, outermost first; the first is the number of rows, 1,024 at most."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RequestParameters(ApiModel):
    """Parameters of a request."""

    binary_data_output: bool | None = None
    """Whether outputs are answered as bytes, where they do not say themselves."""

    priority: int | None = None
    """Accepted, without effect: calls run in the order in which they come."""

    timeout: int | None = None
    """Microseconds that the caller is willing to wait: they only shorten the server's deadline; 0 is no wish."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RequestedOutput(ApiModel):
    """An output that is wanted."""

    name: str
    """Its name."""

    parameters: OutputParameters | None = None
    """How it is answered."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ResponseOutput(ApiModel):
    """A tensor of the model."""

    data: Elements | None = None
    """Row-major elements."""

    datatype: str
    """`FP32` or `INT64`."""

    name: str
    """Name of the output."""

    parameters: BinarySize | None = None
    """How many bytes after the JSON are its data, where they are not in JSON."""

    shape: list[int]
    """Dimensions, outermost first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewContent(ApiModel):
    """Text and suggestions of an item."""

    abstained: bool
    """Whether the first suggestion is not likely enough."""

    body: list[list[TextRun]]
    """Paragraphs in pieces."""

    case_no: str | None
    """Your case."""

    external_id: str | None
    """Your id."""

    flags: list[str]
    """Names of the flags that are raised."""

    labels: list[ReviewLabel]
    """Suggested labels, most likely first."""

    ministry: str | None
    """Another ministry whose matter it may be."""

    model: str
    """Name and version of the model, such as `letters@3`."""

    officers: list[ReviewOfficer]
    """Suggested officers of a document, best first."""

    references: list[ReviewReference]
    """Numbers that speak for a unit or an officer."""

    repeated: str | None
    """The prediction of an earlier letter that says nearly the same; null when there is none."""

    repeated_similarity: float | None
    """Similarity to it, 0 to 1."""

    subject: list[TextRun]
    """Subject in pieces."""

    units: list[ReviewUnit]
    """Suggested units of a document, the main one first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewItem(ApiModel):
    """An item of the queue."""

    confidence: float
    """Probability of the first suggestion, 0 to 1."""

    confidential: bool
    """Whether it is a letter of an informer (檢舉)."""

    created_at: str
    """When it came."""

    deadline: str
    """When it should be decided."""

    decision: DecisionResponse | None
    """What was decided; null until then."""

    kind: str
    """`letter`, `document`, `identity_document` or `transcript`."""

    lease: Lease | None
    """Who holds it; null when nobody does."""

    prediction_id: str
    """The answer in question."""

    priority: int
    """0 (danger) to 3; lower is more urgent."""

    reason: str
    """`requires_human`, `sampled`, `second_opinion` or `escalated`."""

    review_id: str
    """Identifies it."""

    state: str
    """`open`, `claimed`, `decided` or `escalated`."""

    title: str | None
    """One line of it, personal data masked; null once it was erased."""

    unit: str | None
    """Path of the unit that was suggested; null when it is none of today's."""

    version: int
    """Rises with every change; the `ETag` in words."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewLabel(ApiModel):
    """A suggested label."""

    code: str
    """As the model was trained with."""

    name: str
    """In words."""

    score: float
    """Probability, 0 to 1."""

    unit: str | None
    """Path of the unit."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewOfficer(ApiModel):
    """A suggested officer."""

    basis: list[str]
    """前案, 職掌, 案量."""

    officer_id: str
    """Id."""

    open_cases: int
    """Cases not yet closed."""

    score: float
    """By the documented rule, 0 to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewPageResponse(ApiModel):
    """A page of the queue."""

    items: list[ReviewItem]
    """Items, without their texts."""

    next: str | None
    """Value of `after` for the next page; none at the end."""

    waiting: list[WaitingReviews]
    """How much waits, by kind; whatever was filtered."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewReference(ApiModel):
    """A number that speaks for a unit or an officer."""

    kind: str
    """`own_number` or `prior_case`."""

    ref: str
    """The number."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewResponse(ReviewItem):
    """An item with its text."""

    content: ReviewContent | None
    """Text and suggestions; null once they were erased."""

    earlier: list[ReviewItem]
    """Reviews of the earlier letter that this one repeats."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ReviewUnit(ApiModel):
    """A suggested unit."""

    name: str
    """Its name."""

    role: str
    """`main` or `co`."""

    score: float
    """Probability, 0 to 1."""

    unit: str
    """Path."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SegmentDocument(ApiModel):
    """One utterance."""

    channel: int
    """Channel, from 0."""

    confidence: float
    """Geometric mean of the model's probabilities, 0 to 1."""

    correction: CorrectionDocument | None = None
    """What a person has corrected; absent where it is as it was heard."""

    end: float
    """Seconds from the beginning."""

    id: int
    """From 0."""

    language: str
    """`zh-TW`, `en`, or `und` for what is not transcribed."""

    low_confidence: bool
    """A person should hear it again."""

    pii: list[PiiDocument]
    """Personal data: where in the original text (code points, end exclusive) and of what kind."""

    speaker: str
    """Who speaks."""

    start: float
    """Seconds from the beginning."""

    text: str
    """What was said."""

    words: list[WordDocument]
    """The same word by word."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServedModel(ApiModel):
    """A model, or another name of it."""

    created: int
    """0: when the model was made is not known."""

    id: str
    """The value of `model` in a request."""

    object: str
    """`model`."""

    owned_by: str
    """`fenwen`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServedModels(ApiModel):
    """Models that this node serves under `/v1`."""

    data: list[ServedModel]
    """They."""

    object: str
    """`list`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerLive(ApiModel):
    """Whether the server lives."""

    live: bool
    """Always true."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerMetadata(ApiModel):
    """The server."""

    extensions: list[str]
    """Extensions that are spoken."""

    name: str
    """`fenwen`."""

    version: str
    """Version of the program."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServerReady(ApiModel):
    """Whether the server takes calls."""

    ready: bool
    """Always true; otherwise the answer is a failure."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ServiceEntry(ApiModel):
    """One service."""

    method: str
    """HTTP method."""

    model: Model | None
    """What answers; null where no model is active."""

    name: str
    """Stable name."""

    notice: str | None = None
    """What an operator should know of it; absent when there is nothing."""

    path: str
    """Path of the operation."""

    ready: bool
    """Whether it answers now."""

    title: str
    """Name in Traditional Chinese."""


@dataclass(frozen=True, kw_only=True, repr=False)
class State(ApiModel):
    """State of the server."""

    notices: list[str] | None = None
    """What an operator should know; absent when there is nothing."""

    status: str
    """`live` or `ready`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class StatisticDuration(ApiModel):
    """A number of calls and their time."""

    count: int
    """How many."""

    ns: int
    """Nanoseconds from the body to the answer, of all of them together."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Statistics(ApiModel):
    """The newest reviews of the answers of one service."""

    labels: list[LabelStatistics]
    """By first label."""

    model: Model
    """What answers."""

    promise: Promise
    """Sure answers: promised and measured precision."""

    reviewed: int
    """Answers reviewed; cases that were discarded are not counted."""

    right: int
    """Those whose first label was right."""

    service: str
    """`letters` or `documents`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class StatisticsResponse(ApiModel):
    """One entry a service."""

    agreement: list[AgreementStatistics]
    """How far officers agreed in the last twelve months: first and second opinions, by kind and month."""

    identity_documents: IdentityStatistics | None
    """ID images: what officers found who compared them with what was read; null where this node reads none."""

    services: list[Statistics]
    """Of the versions that answer now."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SubjectRequest(ApiModel):
    """Whom it is about. Unknown fields are refused."""

    identifier: str
    """The identifier; only a pseudonym of it is used, and it is not kept."""

    kind: str
    """`id-number`, `phone` or `email`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SuggestedAnswer(ApiModel):
    """A question of a call."""

    alternatives: list[Citation]
    """Other sources, most likely first: for a person to look at."""

    citations: list[Citation]
    """Where the answer stands; empty when no source is likely enough."""

    end: float
    """Seconds since the call began."""

    question: str
    """Its words, with those of the sentence before where it is short."""

    start: float
    """Seconds since the call began."""

    state: str
    """`answered` or `no_answer`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SuggestedOfficer(ApiModel):
    """A suggested officer."""

    basis: list[str]
    """前案, 職掌, 案量."""

    officer_id: str
    """Id."""

    score: float
    """By the documented rule, 0 to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SuggestionRequest(ApiModel):
    """A call so far. Unknown fields are refused."""

    options: AnswerOptions | None = None
    """What to answer for each question."""

    purpose: CasePurpose | None = None
    """Why it is asked. May be left out in the demo profile."""

    utterances: list[CallUtterance]
    """1 to 2,000 in the order in which they were said; the newest questions are looked at, so that earlier parts of
    a call may be left out.
    """


@dataclass(frozen=True, kw_only=True, repr=False)
class SuggestionResponse(ApiModel):
    """The newest questions of a call with the sources that may answer them. Nothing of it is kept."""

    by_words_only: bool
    """Whether only words were compared, because no sentence encoder is at hand."""

    decision_support: bool
    """Always: the answer supports a decision and is none."""

    disclosure: str
    """To be shown with the result."""

    items: list[SuggestedAnswer]
    """At most 3 questions, oldest first; empty when nothing was asked."""

    model: Model
    """Which index answered."""

    requires_human: bool
    """Always: a person decides."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyChangeResponse(ApiModel):
    """What became of units on a day."""

    after: list[str]
    """Those after; the first one carries most of the duties."""

    before: list[str]
    """The units before."""

    ministry: str | None
    """The ministry that the duties went to instead."""

    on: str
    """The day."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyComparisonResponse(ApiModel):
    """What another version would change."""

    added: list[str]
    """Paths that only it has."""

    changed: list[ChangedUnit]
    """Units that differ."""

    equal: int
    """Units that are the same."""

    labels: list[MovedLabel]
    """Labels of active classifiers that would mean another unit, or none."""

    removed: list[str]
    """Paths that it lacks."""

    version: str
    """Its name."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyRequest(ApiModel):
    """A version of the units. Unknown fields are refused."""

    toml: str
    """The file, as TOML: at most 1 MiB."""

    valid_from: str
    """From when it holds, in Taiwan."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyResponse(ApiModel):
    """The units that answers are given for."""

    changes: list[TaxonomyChangeResponse]
    """What became of units, the oldest first."""

    name: str
    """Its name."""

    tenant: str
    """Code of the agency, the head of every path."""

    units: list[TaxonomyUnitResponse]
    """Every unit, also those that are gone, by path."""

    version: str
    """The version that holds."""

    versions: list[TaxonomyVersionResponse]
    """Versions that were added, by the day from which they hold."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyUnitResponse(ApiModel):
    """A unit."""

    aliases: list[str]
    """Other names."""

    duties: str
    """What it is for."""

    path: str
    """Its path."""

    valid_from: str | None
    """First day; null when it was there before the records."""

    valid_to: str | None
    """First day on which it is no more."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TaxonomyVersionResponse(ApiModel):
    """A version that was added."""

    created: str
    """When it was added."""

    current: bool
    """Whether it is the one that holds."""

    valid_from: str
    """From when it holds."""

    version: str
    """Its name."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TensorMetadata(ApiModel):
    """An input or output."""

    datatype: str
    """`FP32` or `INT64`."""

    name: str
    """Its name."""

    shape: list[int]
    """Dimensions; -1 where any size will do."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TextRun(ApiModel):
    """A piece of a text."""

    mark: str | None
    """`evidence`, `flag` or `pii`; null for the rest."""

    text: str
    """The text; of personal data the name of its kind in brackets."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TimingsMs(ApiModel):
    """Where the time of a picture went, in milliseconds."""

    decode: float
    """Decoding."""

    infer: float
    """Recognition."""

    queue: float
    """Waiting for memory and a decoding thread."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TranscriptDocument(ApiModel):
    """What was said in a recording."""

    channels: int
    """Channels that were listened to; two that say the same count as one."""

    disclosure: str
    """What the answer is and is not."""

    duration: float
    """Length of the recording, in seconds."""

    has_other_language: bool
    """Whether something was not transcribed: segments in another language are marked `und`."""

    low_confidence_ratio: float
    """Share of the words that a person should hear again, 0 to 1."""

    model: Model
    """Which model heard it."""

    notices: list[NoticeDocument]
    """What a person should know of the recording: it was cut off, something was lost in it, it is very quiet."""

    rendition: str
    """Which text is shown: `redacted` or `original`."""

    segments: list[SegmentDocument]
    """Utterances by their beginnings."""

    speakers: list[str]
    """Who speaks on each channel."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TranscriptionRequest(ApiModel):
    """A recording to transcribe. Unknown fields are refused."""

    blob_id: str | None = None
    """Id of a complete upload; none when the recording comes with the request."""

    priority: int | None = None
    """Among the client's own jobs, higher goes first: -100 to 100, 0 unless given."""

    purpose: Purpose | None = None
    """Why."""

    speakers: list[str] | None = None
    """Who speaks on each channel."""

    vocabulary: list[str] | None = None
    """Names and terms that are likely to be said: at most 200 of 40 characters."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TranscriptionResponse(ApiModel):
    """A transcription: all of it, or what was heard so far."""

    job_id: str
    """Identifies the transcription and its job."""

    progress: float | None
    """Share that is done, 0 to 1."""

    state: str
    """State of the job: `queued`, `running` or `succeeded`. Only then the segments are all there and final."""

    transcript: TranscriptDocument | None
    """What was said; none before the first result."""

    version: int
    """Times it was corrected; its `ETag`, for `If-Match`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class UnansweredItem(ApiModel):
    """A question that no source answered."""

    answer_id: str
    """Its answer's id."""

    asked_on: str
    """Day it was asked (UTC)."""

    nearest_source: str | None
    """The source that came nearest; null when nothing had a word in common."""

    question: str | None
    """What was asked, personal data masked (names are not); null once its text has expired, and beyond the newest
    200.
    """


@dataclass(frozen=True, kw_only=True, repr=False)
class UnansweredResponse(ApiModel):
    """Questions that no source answered: counts, and the newest with their words."""

    asked: int
    """Questions asked that are still kept."""

    items: list[UnansweredItem]
    """The newest of those, at most 1,000."""

    unanswered: int
    """Those of them that no source answered."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Unit(ApiModel):
    """A suggested unit."""

    name: str
    """Its name."""

    role: str
    """`main` or `co`."""

    score: float
    """Calibrated probability, 0 to 1; 1 by exact rule."""

    unit: str
    """Path `301000000A/<司署>/<科>`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class VersionStatistics(ApiModel):
    """What a version has done since it was loaded."""

    execution_count: int
    """Runs of the model that succeeded: rows of several calls run together. Those of a trial that nobody hears are
    among them.
    """

    inference_count: int
    """Rows of the calls that were answered."""

    inference_stats: InferenceStatistics
    """Calls and their time."""

    last_inference: int
    """When a call ended last, in milliseconds since 1970; 0 when none has."""

    name: str
    """Name of the model."""

    version: str
    """The version."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WaitingReviews(ApiModel):
    """How much of a kind waits."""

    claimed: int
    """What somebody holds."""

    escalated: int
    """What waits for somebody who may assign."""

    kind: str
    """The kind."""

    open: int
    """What nobody holds, and that is not escalated."""

    overdue: int
    """How much of all that is past its deadline."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WebhookChangeRequest(ApiModel):
    """What changes of a webhook; what is left out stays. Unknown fields are refused."""

    active: bool | None = None
    """Whether events are posted. What waits for a webhook that is switched off is given up."""

    events: list[str] | None = None
    """Names of the events that are wanted; every one when empty."""

    url: str | None = None
    """Where events are posted."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WebhookList(ApiModel):
    """The webhooks of a client, the oldest first."""

    items: list[WebhookResponse]
    """Webhooks."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WebhookRequest(ApiModel):
    """A webhook to make. Unknown fields are refused."""

    events: list[str] | None = None
    """Names of the events that are wanted, at most 32; every one when left out or empty."""

    url: str
    """Where events are posted: https, without credentials, at most 2048 bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WebhookResponse(ApiModel):
    """A webhook."""

    active: bool
    """Whether events are posted; a receiver that answers 410 is switched off."""

    created_at: str
    """When it was made."""

    events: list[str]
    """Names of the events that are wanted; every one when empty."""

    previous_secret_until: str | None
    """Until when the secret before signs too; none when there is none."""

    public_key: str
    """Checks signatures `v1a` (Ed25519): `whpk_` and base64."""

    secret: str | None = None
    """Checks signatures `v1` (HMAC-SHA256): `whsec_` and base64. Shown only when it is made or renewed."""

    url: str
    """Where events are posted."""

    webhook_id: str
    """Identifies it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class WordDocument(ApiModel):
    """One word: a Chinese character, or a run of letters and digits, with the marks after it."""

    confidence: float
    """The model's probability, 0 to 1."""

    end: float
    """Seconds from the beginning."""

    start: float
    """Seconds from the beginning."""

    text: str
    """As written."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Evidence(Place):
    """Words that drove the first label."""

    text_hash: str
    """SHA-256 of the whole field as sent, so that offsets are read in the right text."""

    weight: float
    """What they added to the score."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Mark(Place):
    """Words that raised a flag."""

    flag: str
    """Which flag."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Pii(Place):
    """Personal data."""

    kind: str
    """`national_id`, `resident_certificate`, `email`, `mobile_phone`, `landline`, `bank_card`, `plate`, `address` or
    `birth_date`.
    """


Elements: TypeAlias = list[float] | list[int]
"""Elements in JSON."""

EmbeddingInput: TypeAlias = str | list[str]
"""A text, or several."""

LiveMessage: TypeAlias = LiveMessageReady | LiveMessagePartial | LiveMessageFinal | LiveMessageAnswer | LiveMessageUnasked | LiveMessageDone | LiveMessageError
"""What a client is told."""

LiveRequest: TypeAlias = LiveRequestStart | LiveRequestResume | LiveRequestEnd
"""What a client says. Frames of sound are binary messages: mono samples of 16 bits, little end first, of 1 s at
most; or one packet of Opus each, of 20 to 60 ms, where an empty message stands for a packet that was lost.
"""

Vector: TypeAlias = list[float] | str
"""A vector in the form that was asked for."""

OPERATIONS: dict[str, Operation] = {
    "start_page": Operation("GET", "/", frozenset()),
    "open_blob": Operation("POST", "/api/v1/blobs", frozenset()),
    "read_blob": Operation("GET", "/api/v1/blobs/{id}", frozenset()),
    "delete_blob": Operation("DELETE", "/api/v1/blobs/{id}", frozenset()),
    "complete_blob": Operation("POST", "/api/v1/blobs/{id}/complete", frozenset()),
    "put_blob_part": Operation("PUT", "/api/v1/blobs/{id}/parts/{number}", frozenset({"content-digest"})),
    "list_clients": Operation("GET", "/api/v1/clients", frozenset()),
    "list_client_applications": Operation("GET", "/api/v1/clients/applications", frozenset()),
    "apply_for_client": Operation("POST", "/api/v1/clients/applications", frozenset()),
    "get_client_application": Operation("GET", "/api/v1/clients/applications/{id}", frozenset()),
    "approve_client_application": Operation("POST", "/api/v1/clients/applications/{id}/approve", frozenset()),
    "reject_client_application": Operation("POST", "/api/v1/clients/applications/{id}/reject", frozenset()),
    "enable_client": Operation("POST", "/api/v1/clients/{id}/enable", frozenset()),
    "issue_client_key": Operation("POST", "/api/v1/clients/{id}/keys", frozenset()),
    "revoke_client_key": Operation("DELETE", "/api/v1/clients/{id}/keys/{key_id}", frozenset()),
    "suspend_client": Operation("POST", "/api/v1/clients/{id}/suspend", frozenset()),
    "suggest_dispatch": Operation("POST", "/api/v1/documents/dispatch-suggestions", frozenset({"idempotency-key", "prefer", "x-deadline-ms", "x-request-id"})),
    "recognise_identity_document": Operation("POST", "/api/v1/identity-documents/recognitions", frozenset({"x-deadline-ms", "x-request-id"})),
    "read_recognition": Operation("GET", "/api/v1/identity-documents/recognitions/{id}", frozenset()),
    "check_identity_document": Operation("POST", "/api/v1/identity-documents/recognitions/{id}/feedback", frozenset()),
    "reveal_identity_document": Operation("POST", "/api/v1/identity-documents/recognitions/{id}/reveal", frozenset()),
    "list_jobs": Operation("GET", "/api/v1/jobs", frozenset()),
    "create_job": Operation("POST", "/api/v1/jobs", frozenset({"idempotency-key", "x-request-id"})),
    "read_job": Operation("GET", "/api/v1/jobs/{id}", frozenset({"if-none-match"})),
    "delete_job": Operation("DELETE", "/api/v1/jobs/{id}", frozenset()),
    "cancel_job": Operation("POST", "/api/v1/jobs/{id}/cancel", frozenset()),
    "watch_job": Operation("GET", "/api/v1/jobs/{id}/events", frozenset({"last-event-id"})),
    "read_job_result": Operation("GET", "/api/v1/jobs/{id}/result", frozenset({"if-none-match"})),
    "classify_letters": Operation("POST", "/api/v1/letters/classifications", frozenset({"idempotency-key", "prefer", "x-deadline-ms", "x-request-id"})),
    "list_proposals": Operation("GET", "/api/v1/models/proposals", frozenset()),
    "propose_model": Operation("POST", "/api/v1/models/proposals", frozenset()),
    "approve_model": Operation("POST", "/api/v1/models/proposals/{id}/approve", frozenset()),
    "compare_proposal": Operation("GET", "/api/v1/models/proposals/{id}/comparison", frozenset()),
    "reject_model": Operation("POST", "/api/v1/models/proposals/{id}/reject", frozenset()),
    "list_modes": Operation("GET", "/api/v1/modes", frozenset()),
    "set_mode": Operation("PUT", "/api/v1/modes/{org}/{service}", frozenset()),
    "read_prediction": Operation("GET", "/api/v1/predictions/{id}", frozenset()),
    "add_feedback": Operation("POST", "/api/v1/predictions/{id}/feedback", frozenset()),
    "answer_question": Operation("POST", "/api/v1/qa/answers", frozenset({"x-deadline-ms", "x-request-id"})),
    "suggest_answers": Operation("POST", "/api/v1/qa/suggestions", frozenset({"x-deadline-ms", "x-request-id"})),
    "list_unanswered": Operation("GET", "/api/v1/qa/unanswered", frozenset()),
    "list_reviews": Operation("GET", "/api/v1/reviews", frozenset()),
    "accept_reviews": Operation("POST", "/api/v1/reviews/accept", frozenset()),
    "claim_next_review": Operation("POST", "/api/v1/reviews/claim-next", frozenset()),
    "read_review": Operation("GET", "/api/v1/reviews/{id}", frozenset()),
    "claim_review": Operation("POST", "/api/v1/reviews/{id}/claim", frozenset()),
    "decide_review": Operation("POST", "/api/v1/reviews/{id}/decision", frozenset({"if-match"})),
    "escalate_review": Operation("POST", "/api/v1/reviews/{id}/escalate", frozenset({"if-match"})),
    "extend_review": Operation("POST", "/api/v1/reviews/{id}/extend", frozenset({"if-match"})),
    "release_review": Operation("POST", "/api/v1/reviews/{id}/release", frozenset({"if-match"})),
    "ask_second_opinion": Operation("POST", "/api/v1/reviews/{id}/second-opinion", frozenset()),
    "undo_review": Operation("POST", "/api/v1/reviews/{id}/undo", frozenset({"if-match"})),
    "list_services": Operation("GET", "/api/v1/services", frozenset()),
    "stream_speech": Operation("GET", "/api/v1/speech/stream", frozenset()),
    "transcribe_recording": Operation("POST", "/api/v1/speech/transcriptions", frozenset({"idempotency-key", "x-request-id"})),
    "read_transcription": Operation("GET", "/api/v1/speech/transcriptions/{id}", frozenset()),
    "read_recording": Operation("GET", "/api/v1/speech/transcriptions/{id}/audio", frozenset()),
    "correct_transcription": Operation("PUT", "/api/v1/speech/transcriptions/{id}/segments/{number}/correction", frozenset({"if-match"})),
    "undo_correction": Operation("DELETE", "/api/v1/speech/transcriptions/{id}/segments/{number}/correction", frozenset({"if-match"})),
    "read_statistics": Operation("GET", "/api/v1/statistics", frozenset()),
    "read_comparisons": Operation("GET", "/api/v1/statistics/comparisons", frozenset()),
    "read_drift": Operation("GET", "/api/v1/statistics/drift", frozenset()),
    "copy_subject": Operation("POST", "/api/v1/subjects/copies", frozenset()),
    "list_erasures": Operation("GET", "/api/v1/subjects/erasures", frozenset()),
    "ask_erasure": Operation("POST", "/api/v1/subjects/erasures", frozenset()),
    "approve_erasure": Operation("POST", "/api/v1/subjects/erasures/{id}/approve", frozenset()),
    "reject_erasure": Operation("POST", "/api/v1/subjects/erasures/{id}/reject", frozenset()),
    "find_subject": Operation("POST", "/api/v1/subjects/find", frozenset()),
    "list_holds": Operation("GET", "/api/v1/subjects/holds", frozenset()),
    "lay_hold": Operation("POST", "/api/v1/subjects/holds", frozenset()),
    "lift_hold": Operation("POST", "/api/v1/subjects/holds/{id}/lift", frozenset()),
    "read_taxonomy": Operation("GET", "/api/v1/taxonomy", frozenset()),
    "compare_taxonomy": Operation("POST", "/api/v1/taxonomy/comparisons", frozenset()),
    "add_taxonomy": Operation("POST", "/api/v1/taxonomy/versions", frozenset()),
    "list_webhooks": Operation("GET", "/api/v1/webhooks", frozenset()),
    "create_webhook": Operation("POST", "/api/v1/webhooks", frozenset()),
    "read_webhook": Operation("GET", "/api/v1/webhooks/{id}", frozenset()),
    "delete_webhook": Operation("DELETE", "/api/v1/webhooks/{id}", frozenset()),
    "change_webhook": Operation("PATCH", "/api/v1/webhooks/{id}", frozenset()),
    "list_webhook_deliveries": Operation("GET", "/api/v1/webhooks/{id}/deliveries", frozenset()),
    "redeliver": Operation("POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", frozenset()),
    "rotate_webhook_secret": Operation("POST", "/api/v1/webhooks/{id}/rotate-secret", frozenset()),
    "apis": Operation("GET", "/apis.json", frozenset()),
    "asyncapi": Operation("GET", "/asyncapi.yaml", frozenset()),
    "health_live": Operation("GET", "/healthz/live", frozenset()),
    "health_ready": Operation("GET", "/healthz/ready", frozenset()),
    "metrics": Operation("GET", "/metrics", frozenset()),
    "openapi": Operation("GET", "/openapi.json", frozenset()),
    "openapi_of_service": Operation("GET", "/openapi/{file}", frozenset()),
    "event_schema": Operation("GET", "/schemas/{file}", frozenset()),
    "create_audio_transcription": Operation("POST", "/v1/audio/transcriptions", frozenset({"x-deadline-ms"})),
    "create_embedding": Operation("POST", "/v1/embeddings", frozenset({"x-deadline-ms"})),
    "list_models": Operation("GET", "/v1/models", frozenset()),
    "v2_server_metadata": Operation("GET", "/v2", frozenset()),
    "v2_server_live": Operation("GET", "/v2/health/live", frozenset()),
    "v2_server_ready": Operation("GET", "/v2/health/ready", frozenset()),
    "v2_statistics": Operation("GET", "/v2/models/stats", frozenset()),
    "v2_model_metadata": Operation("GET", "/v2/models/{name}", frozenset()),
    "v2_model_config": Operation("GET", "/v2/models/{name}/config", frozenset()),
    "v2_model_infer": Operation("POST", "/v2/models/{name}/infer", frozenset({"inference-header-content-length", "x-deadline-ms"})),
    "v2_model_ready": Operation("GET", "/v2/models/{name}/ready", frozenset()),
    "v2_model_statistics": Operation("GET", "/v2/models/{name}/stats", frozenset()),
    "v2_model_version_metadata": Operation("GET", "/v2/models/{name}/versions/{version}", frozenset()),
    "v2_model_version_config": Operation("GET", "/v2/models/{name}/versions/{version}/config", frozenset()),
    "v2_model_version_infer": Operation("POST", "/v2/models/{name}/versions/{version}/infer", frozenset({"inference-header-content-length", "x-deadline-ms"})),
    "v2_model_version_ready": Operation("GET", "/v2/models/{name}/versions/{version}/ready", frozenset()),
    "v2_model_version_statistics": Operation("GET", "/v2/models/{name}/versions/{version}/stats", frozenset()),
    "v2_repository_index": Operation("POST", "/v2/repository/index", frozenset()),
    "v2_repository_load": Operation("POST", "/v2/repository/models/{name}/load", frozenset({"x-deadline-ms"})),
    "v2_repository_unload": Operation("POST", "/v2/repository/models/{name}/unload", frozenset({"x-deadline-ms"})),
}
"""Each operation of the API by its id."""

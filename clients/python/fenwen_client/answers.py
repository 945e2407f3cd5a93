"""Questions (客戶問答)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ._core import Call, Plan
from ._method import D, Group, method
from ._model import decode
from .types import (
    AnswerOptions,
    AnswerRequest,
    AnswerResponse,
    CallUtterance,
    Purpose,
    QuestionContext,
    SuggestionRequest,
    SuggestionResponse,
    UnansweredResponse,
)


class Answers(Group[D]):
    """Answers are quoted from approved sources, or refused; nothing is written anew."""

    @method
    def ask(
        self,
        question: str,
        *,
        previous_question: str | None = None,
        audience: Literal["agent", "citizen"] | None = None,
        options: AnswerOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[AnswerResponse]:
        """Asks one question of at most 1,000 code points. `answer` is None when no source is good enough.

        Keeps the question: a try whose answer is lost is not repeated.
        """
        context = QuestionContext(previous_question=previous_question) if previous_question is not None else None
        body = AnswerRequest(
            question=question,
            context=context,
            audience=audience,
            options=options,
            purpose=self.settings.case(purpose),
        )
        answer = yield from Call(self.settings, "answer_question", body=body).answer()
        return decode(AnswerResponse, answer.json())

    @method
    def suggest(
        self,
        utterances: Sequence[CallUtterance],
        *,
        options: AnswerOptions | None = None,
        purpose: Purpose | None = None,
    ) -> Plan[SuggestionResponse]:
        """For the agent on the line: the newest questions of a call so far with their sources. Nothing of it is kept."""
        case = self.settings.case(purpose)
        body = SuggestionRequest(utterances=list(utterances), options=options, purpose=case)
        answer = yield from Call(self.settings, "suggest_answers", body=body).answer()
        return decode(SuggestionResponse, answer.json())

    @method
    def unanswered(self) -> Plan[UnansweredResponse]:
        """How many questions no source answered, with their ids; no text."""
        answer = yield from Call(self.settings, "list_unanswered").answer()
        return decode(UnansweredResponse, answer.json())

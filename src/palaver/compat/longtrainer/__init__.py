"""LongTrainer 1.4: its class in this process, on any store of Palaver, and its HTTP API below ``/longtrainer``.

from palaver.compat.longtrainer import LongTrainer

trainer = LongTrainer(llm=chat_model, embedding_model=embeddings, store="palaver.db")
"""

from palaver.compat.base import Surface
from palaver.compat.longtrainer.answers import refusal
from palaver.compat.longtrainer.refusals import NotOffered, UnknownId
from palaver.compat.longtrainer.routes import ROUTES
from palaver.compat.longtrainer.streams import AnswerStream
from palaver.compat.longtrainer.trainer import LongTrainer
from palaver.compat.longtrainer.translate import Answer

__all__ = ["SURFACE", "Answer", "AnswerStream", "LongTrainer", "NotOffered", "UnknownId"]

SURFACE = Surface(name="longtrainer", prefix="/longtrainer", routes=ROUTES, refusal=refusal)

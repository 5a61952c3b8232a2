"""A model of sentence-transformers in this process (the extra ``local``): ``sentence-transformers:<folder or name>``.

Nothing is downloaded: a name is looked for in the cache that its own tools have filled. No code that comes with a model
is run. The package is imported with the first text that is embedded, which takes seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from palaver.embeddings.base import Purpose, packed
from palaver.embeddings.threads import in_own_thread
from palaver.errors import ModelError
from palaver.provider.addresses import not_configured
from palaver.provider.refusals import foreign_failure


class LocalEmbedding:
    """One model, loaded when it is first used and kept."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loading = threading.Lock()
        self._model: Any = None

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = Purpose.DOCUMENT) -> Sequence[bytes]:
        """See ``EmbeddingModel.embed``."""
        try:
            return await in_own_thread(lambda: self._embedded(texts, purpose))
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001  # torch may raise anything: the edge where it becomes ours
            raise foreign_failure(error) from None

    def _embedded(self, texts: Sequence[str], purpose: Purpose) -> Sequence[bytes]:
        model = self._loaded()
        encode = model.encode_query if purpose is Purpose.QUERY else model.encode_document
        return [packed(numbers) for numbers in encode(list(texts), show_progress_bar=False).tolist()]

    def _loaded(self) -> Any:
        with self._loading:
            if self._model is None:
                self._model = _load(self._name)
            return self._model


def _load(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError:
        raise not_configured("Embeddings in this process need an extra: pip install 'palaver[local]'.") from None
    try:
        return SentenceTransformer(name, local_files_only=True)
    except OSError:
        raise not_configured(f"There is no model {name!r} here: name a folder, or download it before.") from None

"""Models as text files named by their sha256, and which model is which; nothing here can run code.

The caller brings the sha256 that stands in the promotion event: a file, or a row, that says otherwise is
refused. LightGBM's text form and JSON are text; a pickle is not.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from hydra.domain.errors import BrokenLaw, Unavailable, UserError, did_you_mean
from hydra.persistence.artefacts import keep_artefact, prove_artefact
from hydra.persistence.codec import instant_of, instant_text
from hydra.persistence.database import Database, Failure, TransactionFailed
from hydra.ports import RegisteredModel
from hydra.research.experiment import canonical

TEXT_BYTES_MAX: Final = 64 << 20
_INSERT: Final = "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)"
_ROW: Final = "SELECT model_id, family, spec, sha256, registered_at, build_id FROM models WHERE model_id = ?"
_ALL: Final = (
    "SELECT model_id, family, spec, sha256, registered_at, build_id FROM models"
    " ORDER BY registered_at, model_id"
)


class ModelRegistry:
    """The models table over one connection, and its folder of artefacts."""

    def __init__(self, database: Database, where: str, folder: Path) -> None:
        self._database = database
        self._where = where
        self._folder = folder

    def close(self) -> None:
        self._database.close()

    def register(
        self,
        model_id: str,
        family: str,
        spec: Mapping[str, Any],
        artefact: str,
        *,
        build_id: str,
        registered_at: datetime,
    ) -> str:
        """Keeps the artefact, then its row; returns the sha256. The same again changes nothing.

        ValueError, for no caller may: not text, too large, or the id is taken by another artefact or spec.
        """
        data = _text_bytes(model_id, artefact)
        sha256 = keep_artefact(self._folder, data)  # first the file: a row never points to nothing
        text = canonical(spec)
        row = (model_id, family, text, sha256, instant_text(registered_at), build_id)
        try:
            with self._database.transaction():
                self._database.execute(_INSERT, row)
        except TransactionFailed as error:
            if error.failure is not Failure.TAKEN:
                raise Unavailable("HY-406", where=self._where, problem=error.reason) from error
            known = self.model(model_id)
            if (known.sha256, known.spec) != (sha256, text):
                raise ValueError(f"{model_id} is another artefact already: a model never changes") from error
        return sha256

    def model(self, model_id: str) -> RegisteredModel:
        """The row of a model; HY-856 when there is none."""
        row = self._database.row(_ROW, (model_id,))
        if row is None:
            known = [model.model_id for model in self.models()]
            hint = did_you_mean(model_id, known)
            raise UserError("HY-856", where=self._where, given=model_id, hint=hint)
        return _model(row)

    def models(self) -> Sequence[RegisteredModel]:
        """All models, oldest first."""
        return [_model(row) for row in self._database.rows(_ALL)]

    def load(self, model_id: str, sha256: str) -> str:
        """The artefact's text, proven to be the one that was promoted; HY-855 for any other."""
        model = self.model(model_id)
        if model.sha256 != sha256:
            raise BrokenLaw("HY-855", given=model_id, where=self._where, found=model.sha256, expected=sha256)
        return prove_artefact(self._folder, sha256, model_id).decode()

    def keep(self, text: str) -> str:
        """Keeps a text that is no model's, such as a book's, and returns its sha256."""
        return keep_artefact(self._folder, _text_bytes("a book", text))

    def text(self, sha256: str) -> str:
        """The text kept under that sha256; HY-855 for any other."""
        return prove_artefact(self._folder, sha256, "a book").decode()


def _text_bytes(model_id: str, artefact: str) -> bytes:
    data = artefact.encode()
    if b"\0" in data or len(data) > TEXT_BYTES_MAX:
        raise ValueError(f"{len(data)} bytes of {model_id} are no text of at most {TEXT_BYTES_MAX}")
    return data


def _model(row: Sequence[Any]) -> RegisteredModel:
    model_id, family, spec, sha256, registered_at, build_id = row
    return RegisteredModel(model_id, family, spec, sha256, instant_of(registered_at), build_id)

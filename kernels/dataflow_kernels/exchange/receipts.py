"""Receipts on the student's side: kept in the home, and as a text to read beside the assignment."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

_TEXTS = {
    "en": {
        "title": "Receipt of a submission", "course": "Course", "lesson": "Assignment", "user": "Student", "time": "Received",
        "due": "Deadline", "late": "Late", "id": "Receipt", "sha256": "Content", "signature": "Signature", "yes": "yes", "no": "no",
        "none": "none", "files": "Files", "word": "receipt", "late_word": "late",
    },
    "pt-BR": {
        "title": "Recibo de uma entrega", "course": "Curso", "lesson": "Tarefa", "user": "Estudante", "time": "Recebida em",
        "due": "Prazo", "late": "Atrasada", "id": "Recibo", "sha256": "Conteúdo", "signature": "Assinatura", "yes": "sim", "no": "não",
        "none": "nenhum", "files": "Arquivos", "word": "recibo", "late_word": "atrasada",
    },
}  # fmt: skip


def texts(language: str) -> dict[str, str]:
    """Give the words of a receipt in `language`, English if there are none."""
    return _TEXTS.get(language, _TEXTS["en"])


def receipt_text(receipt: Mapping[str, Any], language: str) -> str:
    """Give a receipt as a person reads it."""
    words = texts(language)
    rows = {name: receipt[name] for name in ("course", "lesson", "user")}
    rows["time"] = _moment(receipt["time"])
    rows["due"] = _moment(receipt["due"]) if receipt["due"] else words["none"]
    rows["late"] = words["yes"] if receipt["late"] else words["no"]
    rows |= {"id": receipt["id"], "sha256": f"sha256 {receipt['sha256']}", "signature": receipt["signature"]}
    lines = [words["title"], ""] + [f"{words[name] + ':':<14}{value}" for name, value in rows.items()]
    files = [f"  {digest}  {name}" for name, digest in sorted(receipt["files"].items())]
    return "\n".join([*lines, f"{words['files']}:", *files]) + "\n"


def short_line(receipt: Mapping[str, Any], language: str) -> str:
    """Give what the Assignments list shows of a submission: the server's time, late or not, the receipt's number."""
    words = texts(language)
    late = f"{words['late_word']}, " if receipt["late"] else ""
    return f"{_moment(receipt['time'])} ({late}{words['word']} {receipt['id'][:8]})"


def folder_name(receipt: Mapping[str, Any]) -> str:
    """Give the name of the folder for a submission's feedback: its time, without colons, and its number."""
    return f"{datetime.fromisoformat(receipt['time']):%Y-%m-%d %H-%M-%S} {receipt['id'][:8]}"


def keep(receipt: Mapping[str, Any], home: Path, beside: Path, language: str) -> Path:
    """Store the receipt as receipts/<id>.json in the home, and as text in `beside`; give the first."""
    path = home / "receipts" / f"{receipt['id']}.json"
    _write(path, json.dumps(receipt, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    _write(beside, receipt_text(receipt, language))
    return path


def submission_id(home: Path, course: str, lesson: str, sha256: str) -> str:
    """Give the id to submit under: that of an earlier attempt whose answer never came, if the content is the same."""
    path = _pending(home, course, lesson)
    try:
        pending = json.loads(path.read_text(encoding="utf-8"))
        if pending["sha256"] == sha256:
            return str(pending["submission_id"])
    except (OSError, ValueError, KeyError, TypeError):
        pending = None  # none, or one that was damaged: a new id is always right
    number = secrets.token_hex(16)
    _write(path, json.dumps({"submission_id": number, "sha256": sha256}))
    return number


def forget_pending(home: Path, course: str, lesson: str) -> None:
    """Let the next submission have an id of its own: this one's receipt is in hand."""
    _pending(home, course, lesson).unlink(missing_ok=True)


def _pending(home: Path, course: str, lesson: str) -> Path:
    return home / "receipts" / f".pending-{course}-{lesson}.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"

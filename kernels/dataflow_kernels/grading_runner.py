"""The part of grading that runs beside a student's notebook, inside its sandbox: execute it, then call its functions.

Requests come in as one JSON line each on standard input, answers go out the same way on what was standard output at start.
A request carries a token that its answer repeats; neither the kernel nor its children are handed these two pipes, and the
process is made unreadable to its own user, so a stray write of the student's code is not an answer. What a student could
still forge here (outputs, "it returned") moves no mark by itself: marks come from the artefacts, which are judged elsewhere.
"""

from __future__ import annotations

import ast
import asyncio
import ctypes
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

CELL_OUTPUT_BYTES = 256 * 1024
TOTAL_OUTPUT_BYTES = 8 * 1024 * 1024
ERROR_CHARACTERS = 2000
_TRACEBACK_LINES = 40
_OUTPUTS = {"stream", "display_data", "execute_result", "error", "update_display_data"}
_PR_SET_DUMPABLE = 4
_SPEC = KernelSpec(
    argv=[
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        "--HistoryManager.enabled=False",
        # the JVM's own log lines are not the student's errors
        "--IPKernelApp.capture_fd_output=False",
    ],
    display_name="grading",
    language="python",
)


class _Manager(AsyncKernelManager):  # type: ignore[misc] # it has no types
    """Starts our kernel whatever the notebook's metadata asks for."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return _SPEC


class _CappedClient(NotebookClient):  # type: ignore[misc]
    """nbclient that forgets outputs beyond a limit, so that printing for ever fills nothing."""

    cell_bytes = 0
    total_bytes = 0

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        kind = msg["msg_type"]
        if kind.startswith("comm"):
            return None  # widgets have nobody to talk to here
        if kind in _OUTPUTS and not self._is_kept(kind, msg["content"], cell):
            return None
        return super().process_message(msg, cell, cell_index)

    def _is_kept(self, kind: str, content: dict[str, Any], cell: Any) -> bool:
        if kind in {"error", "execute_result"} and all(output["output_type"] != kind for output in cell.get("outputs", [])):
            _cut(content)  # the first of these decides a mark: without it, a failed test would look like one that passed
            return True
        size = len(json.dumps(content, default=str))
        if self.cell_bytes + size > CELL_OUTPUT_BYTES or self.total_bytes + size > TOTAL_OUTPUT_BYTES:
            return False
        self.cell_bytes += size
        self.total_bytes += size
        return True


def _cut(content: dict[str, Any]) -> None:
    for name in ("ename", "evalue"):
        if name in content:
            content[name] = str(content[name])[:ERROR_CHARACTERS]
    if "traceback" in content:
        content["traceback"] = [str(line)[:ERROR_CHARACTERS] for line in content["traceback"][-_TRACEBACK_LINES:]]
    if "data" in content:
        content["data"] = {
            name: value for name, value in content["data"].items() if len(json.dumps(value, default=str)) < CELL_OUTPUT_BYTES // 4
        }


def _record_failed_reply(cell: Any, execute_reply: dict[str, Any] | None, **_: Any) -> None:
    """Write down an error that the kernel told of in its reply only: a time-out, or a traceback that was switched off."""
    reply = (execute_reply or {}).get("content", {})
    if reply.get("status") == "error":
        _append_error(cell, str(reply.get("ename", "Error")), str(reply.get("evalue", "")))


def _append_error(cell: Any, name: str, value: str) -> None:
    if all(output["output_type"] != "error" for output in cell.get("outputs", [])):
        traceback = [f"{name[:ERROR_CHARACTERS]}: {value[:ERROR_CHARACTERS]}"]
        cell.outputs.append(
            nbformat.v4.new_output("error", ename=name[:ERROR_CHARACTERS], evalue=value[:ERROR_CHARACTERS], traceback=traceback)
        )


class Session:
    """One kernel with a student's notebook in it, started anew when it dies."""

    def __init__(self, extension: str) -> None:
        self.extension = extension
        self.notebook = nbformat.v4.new_notebook()
        self.client: _CappedClient | None = None

    async def start(self, timeout_seconds: int) -> _CappedClient:
        """Give a client of a fresh kernel."""
        manager = _Manager(transport="ipc", ip=f"/tmp/kernel-{uuid.uuid4().hex[:8]}")  # noqa: S108 - the sandbox's own
        client = _CappedClient(
            nbformat.v4.new_notebook(),
            km=manager,
            timeout=timeout_seconds,
            startup_timeout=120,
            allow_errors=True,
            interrupt_on_timeout=True,
            error_on_timeout={
                "ename": "CellTimeoutError",
                "evalue": f"The cell ran longer than {timeout_seconds} s and was stopped.",
                "traceback": [f"CellTimeoutError: the cell ran longer than {timeout_seconds} s and was stopped."],
            },
            store_widget_state=False,
            on_cell_executed=_record_failed_reply,
            extra_arguments=[f"--ext={self.extension}"] if self.extension else [],
        )
        await client.async_start_new_kernel()
        await client.async_start_new_kernel_client()
        self.client = client
        return client

    async def run_notebook(self, cells: list[str], timeout_seconds: int) -> dict[str, Any]:
        """Run every code cell in order; a cell that fails does not stop the next. Give the cells' outputs."""
        self.notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
        client = await self.start(timeout_seconds)
        client.nb = self.notebook
        error = ""
        try:
            for index, cell in enumerate(self.notebook.cells):
                client.cell_bytes = 0
                await client.async_execute_cell(cell, index)
                _complete_errors(cell)
        except (DeadKernelError, RuntimeError) as dead:
            error = f"The kernel died while running cell {index + 1}: {dead}"
            for cell in self.notebook.cells[index:]:  # a test that did not run must not look like one that passed
                _append_error(cell, "KernelDied", error)
            await self.drop()
        return {"outputs": [cell.get("outputs", []) for cell in self.notebook.cells], "error": error[:ERROR_CHARACTERS]}

    async def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call one function of the notebook with keyword arguments; give how it ended and how long it took."""
        timeout_seconds = int(request["timeout_seconds"])
        client = self.client or await self.revive(timeout_seconds)
        client.timeout = timeout_seconds
        source = _call_source(request["function"], [request["arguments"], *request.get("beside", [])])
        cell = nbformat.v4.new_code_cell(source)
        client.nb = nbformat.v4.new_notebook(cells=[cell])
        client.cell_bytes = client.total_bytes = 0
        begin = time.monotonic()
        killer = asyncio.ensure_future(self._kill_at(request["kill_when"])) if request.get("kill_when") else None
        try:
            await client.async_execute_cell(cell, 0)
            _complete_errors(cell)
            error = _error_text(cell)
        except (DeadKernelError, RuntimeError) as dead:
            error = f"The kernel died: {dead}"
            await self.drop()
        finally:
            if killer:
                killer.cancel()
        return {"error": error[:ERROR_CHARACTERS], "seconds": round(time.monotonic() - begin, 3)}

    async def revive(self, timeout_seconds: int) -> _CappedClient:
        """Start a kernel anew with the notebook's definitions: imports, functions, classes and assignments."""
        client = await self.start(timeout_seconds)
        cells = [nbformat.v4.new_code_cell(text) for text in definitions([cell.source for cell in self.notebook.cells])]
        client.nb = nbformat.v4.new_notebook(cells=cells)
        for index, cell in enumerate(cells):
            await client.async_execute_cell(cell, index)
        return client

    async def drop(self) -> None:
        """Forget the kernel, whatever state it is in."""
        client, self.client = self.client, None
        if client is not None and client.km is not None:
            await client.km.shutdown_kernel(now=True)

    async def _kill_at(self, folder: str) -> None:
        before = _file_count(Path(folder))
        while _file_count(Path(folder)) <= before:  # noqa: ASYNC110 - the event is another process's file
            await asyncio.sleep(0.01)
        if self.client is not None and self.client.km is not None:
            await self.client.km.signal_kernel(9)


def definitions(sources: list[str]) -> list[str]:
    """Give each cell reduced to what defines names; calls made for their effect are left out.

    A kernel that was killed is brought back with these: running the whole notebook again would also repeat its effects.
    """
    kept = []
    for source in sources:
        try:
            tree = ast.parse(TransformerManager().transform_cell(source))
        except (SyntaxError, ValueError, RecursionError):
            continue
        wanted = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
        kept += [ast.unparse(node) for node in tree.body if isinstance(node, wanted)]
    return kept


def _call_source(function: str, calls: list[dict[str, Any]]) -> str:
    """Write the call as code; several at once when there are arguments for several."""
    arguments = f"__import__('json').loads({json.dumps(calls)!r})"
    return f"__import__('dataflow_kernels.at_once', fromlist=['at_once']).at_once({function}, {arguments});"


def _file_count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def _complete_errors(cell: Any) -> None:
    for output in cell.get("outputs", []):
        if output["output_type"] == "error" and not output.get("traceback"):
            output["traceback"] = [f"{output['ename']}: {output['evalue']}"]


def _error_text(cell: Any) -> str:
    texts = [f"{output['ename']}: {output['evalue']}" for output in cell.get("outputs", []) if output["output_type"] == "error"]
    return texts[0] if texts else ""


async def _answer(session: Session, request: dict[str, Any]) -> dict[str, Any]:
    if request["operation"] == "notebook":
        return await session.run_notebook(request["cells"], int(request["timeout_seconds"]))
    if request["operation"] == "call":
        return await session.call(request)
    return {}


async def serve(requests: Any, answers: Any, extension: str) -> None:
    """Answer requests until the input ends or one asks to stop; kernels load the IPython `extension`."""
    session = Session(extension)
    _send(answers, {"token": "", "ready": True})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, requests.readline):
        request = json.loads(line)
        if request["operation"] == "stop":
            break
        answer = await _answer(session, request)
        _send(answers, {"token": request["token"], **answer})
    await session.drop()


def _send(answers: Any, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def main() -> None:
    """Take the two pipes away from every child, close the process to its own user, then serve."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    requests, answers = os.dup(0), os.dup(1)  # duplicates are not inherited
    null = os.open(os.devnull, os.O_RDWR)
    sys.stderr = os.fdopen(os.dup(2), "w", encoding="utf-8", buffering=1)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    asyncio.run(
        serve(os.fdopen(requests, encoding="utf-8"), os.fdopen(answers, "w", encoding="utf-8"), sys.argv[1] if sys.argv[1:] else "")
    )
    os._exit(0)  # threads of a hung read must not keep the process


if __name__ == "__main__":
    main()

"""What operators' machines read, at a port of its own that no route leads to."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.answers import Answer, Application, Receive, Scope, Send, send_answer

_TEXT = ((b"content-type", CONTENT_TYPE_LATEST.encode()),)
_NOT_FOUND = Answer(404, ((b"content-type", b"text/plain"),), b"only /metrics is here\n")


def create_operations_app() -> Application:
    """Serves `/metrics` in Prometheus' text format, and nothing else."""

    async def operations(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/metrics":
            await send_answer(send, Answer(200, _TEXT, generate_latest()))
        else:
            await send_answer(send, _NOT_FOUND)

    return operations

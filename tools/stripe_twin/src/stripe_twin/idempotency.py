"""The same key and question have one effect: answers are kept for a day and given again."""

from hashlib import sha256

from stripe_twin.problems import ApiError, Json
from stripe_twin.twin import Twin

KEPT_SECONDS = 24 * 3600
LONGEST = 255
KIND = "_answer"


def earlier(twin: Twin, key: str, question: str) -> Json | None:
    """The kept answer to this question. Raises `ApiError` for another question under the key, and
    while the first is still being answered."""
    if len(key) > LONGEST:
        raise ApiError(400, "invalid_request_error", f"Keys have at most {LONGEST} characters.")
    kept = twin.store.get(KIND, _id(key))
    if kept is None or kept["at"] + KEPT_SECONDS <= twin.clock.now():
        return None
    if kept["question"] != _digest(question):
        raise ApiError(
            400,
            "idempotency_error",
            f"Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}'.",
        )
    if kept["status"] == 0:
        raise ApiError(
            409,
            "idempotency_error",
            "There is currently another in-progress request using this Idempotency Key.",
            code="idempotency_key_in_use",
        )
    return kept


def begin(twin: Twin, key: str, question: str) -> Json:
    """Note that the question is being answered."""
    return twin.store.put(
        {
            "id": _id(key),
            "object": KIND,
            "question": _digest(question),
            "at": twin.clock.now(),
            "status": 0,
            "body": None,
        }
    )


def end(twin: Twin, noted: Json, status: int, body: Json, *, keep: bool) -> None:
    """Keep the answer, or forget that there was a question: nothing has come of it."""
    if not keep:
        twin.store.remove(noted)
        return
    noted["status"], noted["body"] = status, body
    twin.store.put(noted)


def forget_unfinished(twin: Twin) -> None:
    """After a restart nobody is answering any more."""
    for noted in twin.store.all(KIND):
        if noted["status"] == 0:
            twin.store.remove(noted)


def forget_old(twin: Twin) -> None:
    """Answers that nobody would be given again."""
    for noted in twin.store.all(KIND):
        if noted["at"] + KEPT_SECONDS <= twin.clock.now():
            twin.store.remove(noted)


def _id(key: str) -> str:
    return f"_answer_{sha256(key.encode()).hexdigest()}"


def _digest(question: str) -> str:
    return sha256(question.encode()).hexdigest()

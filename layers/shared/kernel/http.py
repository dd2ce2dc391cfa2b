"""The HTTP app of a domain: routes by Chalice, and around each view the handling that all routes share.

A view gets the arguments that its parameters name: path parameters, `caller`, `body`, `query`, `request`. It returns a
value that the route's `returns` model accepts, or an `Answer` to choose status and headers.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice, Request, Response
from pydantic import BaseModel

from kernel import deadline, idempotency, limiter, origin, session_marks, snapshot, telemetry
from kernel.answers import common_headers, first_answer, problem_answer, rendered
from kernel.caller import Authenticator, Caller
from kernel.config import config
from kernel.errors import Internal, NotFound, SecondFactorRequired, Unauthenticated, as_problem
from kernel.incoming import Incoming, bearer_token, raw_body, require_json
from kernel.limiter import Allowance, Charge, Limit
from kernel.schema import NoFields, parse_json, parse_query

MAX_BODY_BYTES = 256 * 1024
PER_ACCOUNT = Limit("http", requests=1200, window_s=60)
_PATH_ID = re.compile(r"[!-~]{1,200}|[^\ud800-\udfff]{1,32}")


@lru_cache(maxsize=256)
def _parameters(view: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(view).parameters)


@dataclass(frozen=True, slots=True)
class Route:
    """A registered route; the OpenAPI document is generated from these."""

    method: str
    path: str
    view: Callable[..., Any]
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    returns: type[BaseModel] | None
    public: bool
    while_enrolling: bool  # whether sessions that have to enrol a second factor may call it
    limits: tuple[Limit, ...]
    errors: tuple[str, ...]
    other_statuses: tuple[int, ...]
    headers: tuple[str, ...] = ()  # request headers of its own, for the OpenAPI document
    may_replay: Callable[..., bool] | None = None  # for replays of an Idempotency-Key, see `App.route`
    max_body_bytes: int = MAX_BODY_BYTES
    measured_as: str | None = None

    @property
    def takes_no_body(self) -> bool:
        """Whether requests may come without a body, because all of its fields are optional."""
        fields = self.body.model_fields.values() if self.body is not None else ()
        return self.method in ("POST", "DELETE") and not any(each.is_required() for each in fields)

    @property
    def wants(self) -> frozenset[str]:
        return _parameters(self.view)


class App:
    """The Lambda handler of a domain's HTTP routes."""

    def __init__(self, name: str, *, authenticate: Authenticator, hidden: bool = False) -> None:
        """With `hidden`, callers whom `authenticate` refuses get 404, as the gateway answers for an unknown route."""
        self.name = name
        self.hidden = hidden
        self.routes: list[Route] = []
        self._authenticate = authenticate
        self._chalice = Chalice(app_name=name, configure_logs=False)
        self._line: telemetry.CallLine | None = None
        snapshot.before(self._build_schemas)

    def _build_schemas(self) -> None:
        for route in self.routes:
            for schema in (route.body, route.query, route.returns):
                if schema is not None:
                    schema.model_rebuild()

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        with deadline.of(context, at_most_s=deadline.ANSWER_MAX_S), telemetry.call(self.name, context) as line:
            self._line = line
            answer: dict[str, Any] = self._chalice(event, context)
            return answer

    def route(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        returns: type[BaseModel] | None = None,
        public: bool = False,
        while_enrolling: bool = False,
        limits: Sequence[Limit] = (),
        errors: Sequence[str] = (),
        other_statuses: Sequence[int] = (),
        headers: Sequence[str] = (),
        may_replay: Callable[..., bool] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        measured_as: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a view. `errors` are the route's own codes besides the common ones, for the OpenAPI document.

        `may_replay` is for answers that may be wrong to repeat, such as tokens or texts that people wrote. It takes the
        first answer (`first`, a FirstAnswer) and the view's arguments, and returns whether that answer may be given
        again for its Idempotency-Key. If not, the call is carried out as if it had no key. `measured_as` is the metric
        of the route's duration if a service level objective concerns it.
        """

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            limits_of_all = tuple(limits) if public else (PER_ACCOUNT, *limits)
            route = Route(
                method, path, view, status, body, query, returns, public, while_enrolling, limits_of_all, tuple(errors),
                tuple(other_statuses), tuple(headers), may_replay, max_body_bytes, measured_as,
            )  # fmt: skip
            self.routes.append(route)

            def run(**path_parameters: str) -> Response:
                return self._run(route, path_parameters)

            run.__name__ = view.__name__
            self._chalice.route(path, methods=[method], content_types=["*/*"], name=view.__name__)(run)
            return view

        return register

    def get(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self.route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self.route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self.route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return self.route("DELETE", path, **options)

    # --- one call ---------------------------------------------------------------------------------------------

    def _run(self, route: Route, path_parameters: dict[str, str]) -> Response:
        request = self._chalice.current_request
        assert request is not None  # Chalice sets it before calling a view
        line = self._line or telemetry.CallLine()
        incoming = Incoming.of(request)
        line.fields |= {"route": f"{route.method} {route.path}", "request_id": incoming.request_id}
        left: dict[str, str] = {}
        started = time.perf_counter()
        try:
            status, text, headers = self._answer(route, request, incoming, path_parameters, line, left)
        except Exception as error:  # mapped here only: an unexpected one is logged with its trace and answered without
            problem = as_problem(error)
            if problem is None:
                line.error = error
            else:
                line.problem(problem)
            status, text, headers = problem_answer(problem or Internal(), incoming.request_id)
        line.fields["status"] = status
        if route.measured_as is not None:
            line.answered(route.measured_as, (time.perf_counter() - started) * 1_000, status)
        common = common_headers(incoming.request_id, incoming.headers.get("origin", ""))
        return Response(body=text, status_code=status, headers={**common, **left, **headers})

    def _answer(
        self,
        route: Route,
        request: Request,
        incoming: Incoming,
        path: dict[str, str],
        line: telemetry.CallLine,
        left: dict[str, str],
    ) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers. `left` receives the rate-limit headers, which errors carry too."""
        caller, charges, allowances = self._admit(route, incoming)
        if caller is not None:
            line.fields |= {"user_id": caller.user_id, "session_id": caller.session_id}
        if allowances:
            left |= min(limiter.require(charges, allowances), key=lambda each: each.remaining).headers()
        if caller is not None and caller.must_enrol and not route.while_enrolling:
            raise SecondFactorRequired
        raw = raw_body(request, route.max_body_bytes)
        # a REST API hands them on as the client wrote them; none contains a percent sign, so one decoded before is safe
        path = {name: unquote(value) for name, value in path.items()}
        if any(not _PATH_ID.fullmatch(value) for value in path.values()):
            raise NotFound
        given: dict[str, Any] = dict(path)
        if route.body is not None:
            require_json(incoming)
            given["body"] = parse_json(route.body, b"{}" if not raw and route.takes_no_body else raw)
        elif raw and route.method != "GET":
            require_json(incoming)
            parse_json(NoFields, raw)
        if route.query is not None:
            given["query"] = parse_query(route.query, incoming.query)
        given |= {"caller": caller, "request": incoming}
        wanted = route.wants
        arguments = {name: value for name, value in given.items() if name in wanted}

        def answer() -> dict[str, Any]:
            with origin.called_from(incoming.address, incoming.base_url):
                return rendered(route.view(**arguments), status=route.status, returns=route.returns)

        key = incoming.headers.get(idempotency.HEADER) if route.method == "POST" else None
        if key is not None:
            idempotency.require_key(key)
        replayed = False
        if key is None:
            result = answer()
        else:
            who = caller.user_id if caller else f"public {incoming.address}"
            place = f"{route.method} {request.context.get('path', route.path)}"
            result, replayed = idempotency.once(key, caller=who, route=place, body=raw, answer=answer)
            may_replay = route.may_replay
            if replayed and may_replay is not None and not may_replay(first=first_answer(result), **arguments):
                result, replayed = answer(), False
        headers: dict[str, str] = dict(result["headers"])
        if replayed:
            headers[idempotency.REPLAYED] = "true"
        return result["status"], result["text"], headers

    def _admit(self, route: Route, incoming: Incoming) -> tuple[Caller | None, list[Charge], list[Allowance]]:
        """Authenticate the caller (None on a public route), and count the call against the route's limits.

        One round trip of Redis counts the call and reads the mark of its session. A call that is refused for its
        session counts against no limit, so whoever holds the token of an ended session uses up nothing.
        """
        if route.public:
            charges = _charges(route.limits, None, incoming.address)
            return None, charges, limiter.measure(charges)
        try:
            claimed = self._authenticate.verify(bearer_token(incoming))
            charges = _charges(route.limits, claimed, incoming.address)
            keys = [session_marks.key(claimed.session_id)] if self._authenticate.reads_mark else []
            allowances, marks = limiter.measure_and_read(charges, *keys)
            try:
                return self._authenticate.admit(claimed, marks[0] if marks else None), charges, allowances
            except (Unauthenticated, NotFound):
                limiter.take_back(charges)
                raise
        except (Unauthenticated, NotFound) as error:
            if self.hidden:
                raise NotFound("There is no such route.") from error
            raise


def _charges(limits: tuple[Limit, ...], caller: Caller | None, address: str) -> list[Charge]:
    """What a call counts against its limits."""
    charges = []
    for limit in limits:
        if limit.per == "address":
            charges.append(Charge(limit, origin.network(address), config().address_limit_factor))
        elif caller is not None:
            charges.append(Charge(limit, caller.user_id))
    return charges

"""`monitor --notify`: tells a command or a URL what a look changed; what was not delivered is sent again with the next look."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPMessage, RemoteDisconnected
from typing import IO

from chatops import formatting
from chatops.deploys import notice
from chatops.deploys.monitor_state import Watch
from chatops.errors import UsageError
from chatops.flows.configured_commands import command_environment
from chatops.flows.run import Invocation

NOTIFY_SECONDS, LEAST_SECONDS = 30.0, 1.0
"""How long a hook may take, and how long it has at least where the next look is due before."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_NO_SCHEME = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?/\S*")
_AS_IT_IS = "/:?#[]@!$&'()*+,;=%"
"""Characters that have a meaning in a URL, escapes among them."""
_AGAIN = "it is sent again with the next look"


def place(to: str) -> str:
    """A URL to post to, or a command, as it was meant. Raises UsageError for what is neither.

    A URL may hold a secret, so it is not repeated.
    """
    meant = to.strip()
    scheme, colon, rest = meant.partition("://")
    if not meant:
        raise UsageError("--notify takes a URL or a command, and is empty")
    if not colon or not _SCHEME.fullmatch(scheme):
        if _NO_SCHEME.fullmatch(meant) and shutil.which(meant) is None:
            raise UsageError("--notify: this looks like a URL without its https:// in front, and no such command is there")
        return meant
    if scheme.lower() not in ("http", "https"):
        raise UsageError(f"--notify posts to http:// and https://, not to {scheme}://")
    url = f"{scheme.lower()}://{rest}"
    try:
        parts = urllib.parse.urlsplit(url)
        wrong = not parts.hostname or parts.port == 0 or any(sign.isspace() or not sign.isprintable() for sign in url)
    except ValueError:
        wrong = True
    if wrong:
        raise UsageError("--notify: this is no URL: host and port must be right, and no blanks stand in it")
    return url


def is_url(to: str) -> bool:
    """Whether what `place` gave is posted to."""
    return to.startswith(("http://", "https://"))


def notify(invocation: Invocation, to: str, watch: Watch, within: float | None = None) -> bool:
    """One message with all that is due: as JSON on stdin and in CHATOPS_EVENT_* variables, or posted to a URL; whether it was
    taken: the command ended with 0, the server answered with 2xx. A failure is a warning. `within`: the next look is due in so
    many seconds."""
    said = notice.message(watch)
    patience = NOTIFY_SECONDS if within is None else min(NOTIFY_SECONDS, max(LEAST_SECONDS, within))
    wrong = _posted(to, said, patience) if is_url(to) else _run(invocation, to, said, patience)
    if wrong is not None:
        invocation.warn(f"--notify {wrong}; {_AGAIN}")
    return wrong is None


def _run(invocation: Invocation, to: str, said: dict[str, object], seconds: float) -> str | None:
    # In a session of its own: what it has started, and what keeps its pipes open, ends with it.
    hook = subprocess.Popen(
        to, shell=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        errors="backslashreplace", start_new_session=True,
        env={**command_environment(invocation, "monitor"), **notice.variables(said)},
    )  # fmt: skip
    try:
        hook.communicate(json.dumps(said) + "\n", timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"took longer than {seconds:.3g} s"
    finally:
        if hook.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(hook.pid, signal.SIGKILL)
            hook.wait()
    return f"ended with {hook.returncode}" if hook.returncode else None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive elsewhere, without what it says."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _posted(url: str, said: dict[str, object], seconds: float) -> str | None:
    """One POST; what went wrong, None when it was taken. The URL may hold a secret, so it is not repeated."""
    # In a thread: a server that answers a byte at a time keeps within every timeout of the socket.
    wrong: list[str | None] = []
    sending = threading.Thread(target=lambda: wrong.append(_post(url, said, seconds)), daemon=True)
    sending.start()
    sending.join(seconds)
    return wrong[0] if wrong else _late(seconds)


def _late(seconds: float) -> str:
    return f"was not answered within {seconds:.3g} s"


def _post(url: str, said: dict[str, object], seconds: float) -> str | None:
    try:
        # PagerDuty reads its key from the message.
        key = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("routing_key")
        body = json.dumps({**said, "routing_key": key[0]} if key else said).encode()
        bare, headers = _without_account(url)
        request = urllib.request.Request(bare, body, {"Content-Type": "application/json", **headers}, method="POST")
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"was answered with {error.code}"
    except TimeoutError:
        return _late(seconds)
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return _late(seconds)
        # Other errors may repeat the URL.
        words = reason.strerror if isinstance(reason, OSError) and reason.strerror else _words(reason)
        return f"could not be sent: {formatting.visible(words)}"


def _without_account(url: str) -> tuple[str, dict[str, str]]:
    """The URL in ASCII, and the header that says its name and password."""
    account, at, host = (parts := urllib.parse.urlsplit(url)).netloc.rpartition("@")
    if not host.isascii():
        host = host.encode("idna").decode()
    bare = urllib.parse.quote(parts._replace(netloc=host, fragment="").geturl(), safe=_AS_IT_IS)
    token = base64.b64encode(urllib.parse.unquote(account).encode()).decode()
    return bare, {"Authorization": f"Basic {token}"} if at else {}


def _words(error: object) -> str:
    if isinstance(error, RemoteDisconnected):
        return "the connection was closed before an answer"
    return "the answer is not HTTP" if isinstance(error, HTTPException) else type(error).__name__

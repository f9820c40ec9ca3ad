"""A request to a web service, and what it answered."""
import glob
import io
import json
import os
import re
import time
import urllib.error
import urllib.parse
from typing import Any, Dict, Optional

from fleet.modules import _http
from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

LARGEST = 8 * 1024 * 1024  # bytes of an answer that are kept
READS = ("GET", "HEAD", "OPTIONS")
SPEC = Spec(
    "uri", "Talk to a web service over HTTP",
    dict(_http.options(30.0), **dict({
        "url": Opt("str", "What to ask.", required=True),
        "method": Opt("str", "The request's method.", default="GET"),
        "body": Opt("raw", "What to send: text, or data for `body_format`."),
        "body_format": Opt("str", "How the body is sent; it sets the content type too.", default="raw", choices=["raw", "json", "form-urlencoded"]),
        "src": Opt("path", "A file of the target to send instead of a body."),
        "status_code": Opt("list", "Statuses that are right.", elements="int", default=[200]),
        "return_content": Opt("bool", "Return the content even when it is right; it is returned anyway when it is not.", default=False),
        "follow_redirects": Opt("str", "all; safe: only those of GET and HEAD; none.", default="safe",
                                choices=["all", "yes", "safe", "urllib2", "none", "no"]),
        "dest": Opt("path", "File to write the content to."),
        "creates": Opt("str", "Do nothing when this path (a glob pattern is allowed) exists."),
        "removes": Opt("str", "Do nothing when this path (a glob pattern is allowed) does not exist."),
    }, **file_options())),
    returns={
        "status": Ret("int", "The HTTP status; -1 when none came."), "url": Ret("str", "The final URL."), "msg": Ret("str", "What the server said."),
        "content": Ret("str", "The content.", "return_content or failed"), "json": Ret("raw", "The content, where it is JSON."),
        "redirected": Ret("bool", "Whether the final URL is another."), "elapsed": Ret("int", "Seconds it took."),
        "path": Ret("path", "The file written.", "dest"), "content_type": Ret("str", "Each header of the answer, in lower case with _ for -."),
    },
    mutually_exclusive=[("body", "src")], check="partial",
    examples="- uri: {url: \"http://127.0.0.1:8080/health\", return_content: true}\n  register: health\n  until: health.json.ready | default(false)\n"
             "  retries: 10\n  delay: 1\n",
    notes=["Under check GET, HEAD and OPTIONS are carried out, since they only read; other methods are skipped."],
)


def run(m):
    # type: (Module) -> Any
    args = m.args
    method = args.method.upper()
    for option, run_if in (("creates", False), ("removes", True)):
        if args[option] is not None and bool(glob.glob(os.path.expanduser(args[option]))) != run_if:
            return {"msg": "skipped, since '%s' %s" % (args[option], "does not exist" if run_if else "exists"), "skipped": True}
    if not re.match(r"[A-Z]+$", method):
        m.fail("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")
    if m.check and method not in READS:
        return {"skipped": True, "unpredicted": True, "msg": "a %s is not sent in check mode" % method}
    answer, content = ask(m, method)
    status = answer["status"]
    text = content.decode("utf-8", "replace")
    right = status in args.status_code
    if "json" in answer.get("content_type", ""):
        try:
            answer["json"] = json.loads(text)
        except ValueError:
            pass
    if args.return_content or not right:
        answer["content"] = text
    if not right:
        m.fail("Status code was %s and not %s: %s" % (status, args.status_code, answer.pop("msg")), **answer)
    if args.dest:
        dest = os.path.expanduser(args.dest)
        if os.path.isdir(dest):
            dest = os.path.join(dest, os.path.basename(urllib.parse.urlsplit(answer["url"]).path) or "index.html")
        answer["path"] = dest
        new = files.digest_stream(io.BytesIO(content))
        if files.digest(dest) != new:
            yield Change("content", files.digest(dest), new,
                         lambda: files.write(m, dest, content, args.mode, args.owner, args.group, args.unsafe_writes), dest)
        yield from files.attributes(m, dest, True, None, args.mode, args.owner, args.group, args.attributes)
    return answer


def ask(m, method):
    # type: (Module, str) -> Any
    """(what is known of the answer, its content)."""
    args = m.args
    follow = {"yes": "all", "no": "none", "urllib2": "safe"}.get(args.follow_redirects, args.follow_redirects)
    body, headers = sent(m)
    began = time.monotonic()
    try:
        try:
            reply = _http.open_url(m, args.url, method, body, headers, follow)  # type: Any
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            content = reply.read(LARGEST + 1)
            status = getattr(reply, "status", None) or reply.code
            msg = "%s (%s bytes)" % (reply.reason if status >= 300 else "OK", reply.headers.get("Content-Length", "unknown"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        m.fail("Status code was -1 and not %s: Request failed: %s" % (args.status_code, reason), status=-1, url=args.url, redirected=False,
               elapsed=int(time.monotonic() - began))
    if len(content) > LARGEST:
        m.fail("the answer is larger than %d bytes; get_url takes it to a file" % LARGEST, status=status, url=args.url)
    found = {str(key).lower().replace("-", "_"): str(value) for key, value in reply.headers.items()}  # type: Dict[str, Any]
    found.update(status=status, url=reply.geturl(), msg=msg, redirected=reply.geturl() != args.url, elapsed=int(time.monotonic() - began))
    return found, content


def sent(m):
    # type: (Module) -> Any
    """(the request's body or None, its headers)."""
    args = m.args
    headers = dict(args.headers)
    body = args.body
    if args.src:
        with open(os.path.expanduser(args.src), "rb") as stream:
            return stream.read(), headers
    if body is None:
        return None, headers
    kind = None  # type: Optional[str]
    if args.body_format == "json":
        kind = "application/json"
        body = body if isinstance(body, str) else json.dumps(body)
    elif args.body_format == "form-urlencoded":
        kind = "application/x-www-form-urlencoded"
        body = body if isinstance(body, str) else urllib.parse.urlencode(body, doseq=True)
    if kind and not any(str(name).lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8"), headers

"""One HTTP request from a target."""
import base64
import ssl
import urllib.error
import urllib.request
from typing import Any, Dict, Optional

from fleet.runner.module import Module
from fleet.runner.spec import Opt


def options(timeout):
    # type: (float) -> Dict[str, Opt]
    """What get_url and uri share; open_url reads them from the module's arguments."""
    return {
        "timeout": Opt("float", "Seconds to wait for an answer.", default=timeout),
        "headers": Opt("dict", "Headers of the request.", default={}),
        "http_agent": Opt("str", "User-Agent.", default="fleet"),
        "url_username": Opt("str", "User for basic authentication.", aliases=["username", "user"]),
        "url_password": Opt("str", "Its password.", aliases=["password"], no_log=True),
        "force_basic_auth": Opt("bool", "Accepted: the credentials always go with the first request.", default=False),
        "validate_certs": Opt("bool", "Check certificates.", default=True),
        "client_cert": Opt("path", "File of the client's certificate, PEM; it may hold the key too."),
        "client_key": Opt("path", "File of its key."),
        "ca_path": Opt("path", "File of certificates to trust instead of the system's."),
        "use_proxy": Opt("bool", "Use the environment's proxy.", default=True),
    }


class _Redirects(urllib.request.HTTPRedirectHandler):
    """follow: "all", "safe" (only requests that change nothing) or "none"."""

    def __init__(self, follow):
        # type: (str) -> None
        self.follow = follow

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        # type: (Any, Any, int, str, Any, str) -> Any
        if self.follow == "none" or (self.follow == "safe" and req.get_method() not in ("GET", "HEAD")):
            return None
        if not newurl.lower().startswith(("http://", "https://")):
            return None  # never from the web to a file or another protocol
        return urllib.request.HTTPRedirectHandler.redirect_request(self, req, fp, code, msg, headers, newurl)


def open_url(m, url, method="GET", body=None, headers=None, follow="all"):
    # type: (Module, str, str, Optional[bytes], Optional[Dict[str, Any]], str) -> Any
    """The open answer. Raises urllib.error.HTTPError for a status of 400 and above, OSError and ValueError for what did not come so far."""
    args = m.args
    named = dict({"User-Agent": args.http_agent}, **{str(key): str(value) for key, value in (headers if headers is not None else args.headers).items()})
    request = urllib.request.Request(url, data=body, headers=named, method=method)
    if args.url_username:
        token = base64.b64encode(("%s:%s" % (args.url_username, args.url_password or "")).encode("utf-8")).decode("ascii")
        request.add_unredirected_header("Authorization", "Basic " + token)
    context = ssl.create_default_context(cafile=args.ca_path)
    if not args.validate_certs:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if args.client_cert:
        context.load_cert_chain(args.client_cert, args.client_key)
    handlers = [urllib.request.HTTPSHandler(context=context), _Redirects(follow)]  # type: Any
    if not args.use_proxy:
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers).open(request, timeout=args.timeout)

"""The context argument (Function Compute documentation, "Context" for Python)."""
import base64
import json

from . import output


class Credentials:
    def __init__(self, access_key_id, access_key_secret, security_token):
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token

    # The vendor spells the fields both ways in its samples.
    accessKeyId = property(lambda self: self.access_key_id)
    accessKeySecret = property(lambda self: self.access_key_secret)
    securityToken = property(lambda self: self.security_token)

    def __repr__(self):
        return "Credentials(%r)" % self.access_key_id


class Function:
    def __init__(self, about):
        self.name = about["name"]
        self.handler = about["handler"]
        self.memory = about["memory"]
        self.timeout = about["timeout"]


class Service:
    def __init__(self, about):
        self.name = about["service"]
        self.log_project = about["log_project"]
        self.log_store = about["log_store"]
        self.qualifier = about["qualifier"]
        self.version_id = about["version_id"]


class Tracing:
    def __init__(self, meta):
        self.span_context = meta.get("span_context", "")
        self.jaeger_endpoint = meta.get("jaeger_endpoint", "")
        self.span_baggages = meta.get("span_baggages", "")

    def parseOpenTracingBaggages(self):
        """The baggage items as a dict; empty when there are none."""
        if not self.span_baggages:
            return {}
        try:
            return json.loads(base64.b64decode(self.span_baggages))
        except ValueError:
            return {}


class _Base:
    def __init__(self, about, meta):
        self.request_id = meta["id"]
        self.region = about["region"]
        self.account_id = about["account_id"]
        self.retry_count = meta.get("retry", 0)
        self.tracing = Tracing(meta.get("tracing") or {})
        self.function = Function(about)


class FullContext(_Base):
    """python3, python3.9 and python3.10."""

    def __init__(self, about, meta):
        super().__init__(about, meta)
        self.credentials = Credentials(meta["ak"], meta["sk"], meta["token"])
        self.service = Service(about)
        self.function.initializer = about["initializer"]
        self.function.initialization_timeout = about["initialization_timeout"]

    def getLogger(self):
        return output.context_logger()

    @property
    def logger(self):
        return output.context_logger()


class LeanContext(_Base):
    """python3.12: no credentials and no service; code reads the environment."""

    def __init__(self, about, meta):
        super().__init__(about, meta)
        self.function.version_id = about["version_id"]
        self.function.qualifier = about["qualifier"]
        self.log_project = about["log_project"]
        self.log_store = about["log_store"]
        self.logger = None

    def getLogger(self):
        self.logger = output.context_logger()
        return self.logger


def context_class(runtime):
    return LeanContext if runtime == "python3.12" else FullContext

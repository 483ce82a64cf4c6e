"""The edge's figures for Prometheus. No address, id or name from outside is ever a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SIZES = (1e3, 1e4, 1e5, 1e6, 3e6, 1e7, 3.5e7, 1.5e8)


class Metrics:
    """All figures of one edge, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Counter(
            "relay_smtp_connections",
            "Connections, by how they were met.",
            ["listener", "result"],
            registry=self.registry,
        )
        self.connections_open = Gauge(
            "relay_smtp_connections_open", "Connections open now.", registry=self.registry
        )
        self.sign_ins = Counter(
            "relay_smtp_sign_ins", "Attempts to sign in.", ["result"], registry=self.registry
        )
        self.mails = Counter(
            "relay_smtp_mails",
            "Mails offered, by listener and outcome.",
            ["listener", "result"],
            registry=self.registry,
        )
        self.mail_size = Histogram(
            "relay_smtp_mail_size_bytes",
            "Size of accepted mails.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.accept_seconds = Histogram(
            "relay_smtp_accept_seconds",
            "From the end of the content to the 250.",
            registry=self.registry,
        )
        self.spool_mails = Gauge(
            "relay_spool_mails", "Mails waiting in the spool.", registry=self.registry
        )
        self.spool_bytes = Gauge(
            "relay_spool_bytes", "Octets of content waiting in the spool.", registry=self.registry
        )
        self.spool_held = Counter(
            "relay_spool_held", "Mails kept back for an operator.", registry=self.registry
        )
        self.forwarded = Counter(
            "relay_forwarded", "Mails handed to the storage account.", registry=self.registry
        )
        self.forward_faults = Counter(
            "relay_forward_faults",
            "Tries that the storage account did not take.",
            registry=self.registry,
        )
        self.uplink_up = Gauge(
            "relay_uplink_up", "1 while the storage account takes mail.", registry=self.registry
        )
        self.certificate_expiry = Gauge(
            "relay_tls_certificate_expiry_timestamp_seconds",
            "When the listeners' certificate ends.",
            registry=self.registry,
        )
        self.signature_expiry = Gauge(
            "relay_storage_signature_expiry_timestamp_seconds",
            "When the shared access signature of the storage account ends; 0 without one.",
            registry=self.registry,
        )
        self.credential_expiry = Gauge(
            "relay_credential_expiry_timestamp_seconds",
            "When a credential of the edge's own ends.",
            ["what"],
            registry=self.registry,
        )

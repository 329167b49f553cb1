"""What a managed S3 or Kafka has to grant one student: the lab's own grants in their words, as templates."""

from __future__ import annotations

from typing import Any

from dataflow_hub.services.kafka import ALLOWED, MECHANISM
from dataflow_hub.services.object_store import SHARED_BUCKETS

BUCKET, NAMESPACE = "@BUCKET@", "@NAMESPACE@"  # what whoever grants puts in
_LIST = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
_READ = ["s3:GetObject", "s3:GetObjectTagging"]
_WRITE = ["s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]


def s3_policy(bucket: str = BUCKET) -> dict[str, Any]:
    """Give the policy of one student's key: all of one bucket, and to read the shared ones; nobody's keys, no bucket of one's own."""
    shared = [f"arn:aws:s3:::{name}" for name in SHARED_BUCKETS]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "List", "Effect": "Allow", "Action": _LIST, "Resource": [f"arn:aws:s3:::{bucket}", *shared]},
            {"Sid": "Own", "Effect": "Allow", "Action": [*_READ, *_WRITE], "Resource": [f"arn:aws:s3:::{bucket}/*"]},
            {"Sid": "Shared", "Effect": "Allow", "Action": _READ, "Resource": [f"{name}/*" for name in shared]},
        ],
    }


def kafka_commands(name: str = NAMESPACE) -> str:
    """Give the commands that let one login do what begins with its own prefix, and nothing else; the password is not among them."""
    options = {"TOPIC": "--topic", "GROUP": "--group", "TRANSACTIONAL_ID": "--transactional-id"}
    lines = [
        "#!/bin/sh",
        f"# The rights of one student, {name}: nothing is allowed without an entry, so the cluster needs",
        "# allow.everyone.if.no.acl.found=false. BOOTSTRAP and ADMIN (a properties file of an administrator) come from whoever runs it.",
        f"# The login itself ({MECHANISM}, a fresh password at each start of a server) is the provider's to make.",
        "set -eu",
    ]
    for kind, words in ALLOWED.items():
        operations = " ".join(f"--operation {word.title()}" for word in words)
        lines.append(
            'kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add '
            f"--allow-principal User:{name} --resource-pattern-type prefixed {options[kind]} {name}. {operations}"
        )
    return "\n".join(lines) + "\n"

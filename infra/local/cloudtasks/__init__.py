"""A local Cloud Tasks server: Google's own client talks to it, over gRPC or REST, and it calls HTTP targets.

It is Google's side of the wire and knows nothing of the product; the authority is
https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2. Left out, and refused with UNIMPLEMENTED: App
Engine targets, OAuth tokens, overrides by the queue, batches, IAM, CMEK, locations. A redirect is a failed attempt.
"""

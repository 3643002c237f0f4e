"""A little conferencing service that keeps the contract of docs/http-provider.md, for tests and the local stack."""

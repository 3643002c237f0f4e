"""The whole ground on one machine: store, queue, vault, a Calendar server and a conferencing service."""

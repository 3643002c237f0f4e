"""The page on which people join a room: the link that events carry leads to it."""

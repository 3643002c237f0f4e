"""The way a change travels, one file per stop, in the order it meets them."""

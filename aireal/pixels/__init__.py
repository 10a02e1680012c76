"""One picture: bytes to pixels to what a network sees, and what happens to pixels on the way."""

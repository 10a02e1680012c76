"""The page on which people try a network in their browser."""

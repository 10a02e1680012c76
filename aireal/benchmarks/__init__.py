"""What is timed, and what a recipe gives over several seeds."""

"""What a run is: its values, their bounds, and the flags and flagfiles that state them."""

"""What the recorder is told of tapped legs."""

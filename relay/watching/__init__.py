"""How a leg is heard: figures, scores and alarms. Pure."""

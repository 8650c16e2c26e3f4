"""The processes of a node: started, watched, and what they need of the machine."""

"""What flows between the processes of one machine: frames, requests and replies, and the life of a process."""

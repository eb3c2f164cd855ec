"""What travels between processes, and the sockets that carry it."""

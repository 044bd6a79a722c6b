"""What any long-running process needs: sockets, threads, forks, the log, short collections."""

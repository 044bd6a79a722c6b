"""What any long-running process needs: sockets, background jobs, forks, the log."""

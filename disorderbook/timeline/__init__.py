"""What an exchange goes by: clocks, and what happens by itself at its time, such as opponents."""

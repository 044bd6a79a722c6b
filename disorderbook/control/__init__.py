"""What whoever tests at an exchange has it do: control, faults, latencies, a journal, a replay."""

"""What whoever runs a class or a competition does with its market while it goes on."""

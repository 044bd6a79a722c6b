"""The pages for people, and the description of the protocol that they are made from."""

"""The protocols that providers speak, without any I/O, and the one transport that carries them."""

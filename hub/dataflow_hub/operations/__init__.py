"""What a person asks for, one module a subject; the command line only parses and prints."""

"""What a script has in the place of the machine: read as text, put into every script that needs it."""

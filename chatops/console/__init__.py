"""The live desk on a terminal: the application, its dialogs, and what it asks of whoever holds the connection."""

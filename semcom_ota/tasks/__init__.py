"""Question answering over stories: reading and writing them, making them, answering by rule."""

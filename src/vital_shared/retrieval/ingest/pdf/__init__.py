"""PDF by position: letters to words, words to lines, columns and tables."""

"""What is broken, foreign or hostile: each ends in a sentence, and takes nothing else down."""

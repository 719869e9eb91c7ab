"""What the pages show of the lab itself: figures of recorded runs, a page for each exercise."""

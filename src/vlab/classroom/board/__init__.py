"""`vlab class board`: what a class is at, on a page for the wall."""

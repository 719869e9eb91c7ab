"""`vlab watch`: what an exercise's checks say while it is mended, looked at again when something has changed."""

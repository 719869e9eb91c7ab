# Eight questions at once, and the note from what each of them took.
source ../steps.sh
ready
load

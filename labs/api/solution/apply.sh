# The key by a Secret, then the note, measured on the engine that has it.
source ../steps.sh
guard "$KEY"
ready
measure "$KEY"

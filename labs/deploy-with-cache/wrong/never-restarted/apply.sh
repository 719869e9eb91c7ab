# All of it is right, and nobody has ever looked whether a second pod finds anything.
source ../../manifest.sh
deploy
ready
note
leave_a_file

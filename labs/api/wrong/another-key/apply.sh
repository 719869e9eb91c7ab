# A key that the clients do not have.
source ../../steps.sh
guard "not-$KEY"
ready
measure "not-$KEY"

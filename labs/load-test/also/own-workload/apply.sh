# A workload of one's own, sixteen users with longer prompts, and the note in a table.
source ../../steps.sh
ready
load "$PWD/sixteen.yaml"
sed -i -E 's/^- ([a-z0-9 ]+): (.*)/| **\1** | `\2` |/' "$ANSWERS/load-test.md"

# The namespace, and the template as it was.
cp "$ANSWERS/gpu-scheduling.md" "$ANSWERS/template"
bash "$SOLUTION"
mv "$ANSWERS/template" "$ANSWERS/gpu-scheduling.md"

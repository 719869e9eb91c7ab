# What task 4 leaves to its reader: a script that sends eight questions at once.
sed "s|^MODEL, COUNT = .*|MODEL, COUNT = \"$MODEL\", 8|" ../../../labs/load-test/also/own-script/load_test.py \
    >"$ANSWERS/load_test.py"

#!/bin/sh
# Fuzz the readers of what strangers write, each for so many seconds: fuzz.sh 10
# A failing input is kept under testdata/fuzz of its package and runs in every test from then on.
set -eu
seconds=${1:-10}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
for target in FuzzLoad FuzzNormalise; do
	echo "fuzzing $target for ${seconds}s"
	if go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" -fuzzminimizetime=1s ./internal/datamap >"$log" 2>&1; then
		tail -n 2 "$log"
	elif grep -q 'Failing input written' "$log" || ! grep -q '^    context deadline exceeded$' "$log"; then
		cat "$log"
		status=1
	else
		# The time was up while an input was being tried, and Go calls that a failure.
		tail -n 6 "$log" | grep elapsed
	fi
done
exit $status

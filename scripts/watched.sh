# To be sourced: say, die, and watched, which runs a command that takes long. The Makefile and
# install-tools.sh share them.
speaker=${speaker:-habeas}

say() { echo "$speaker: $*" >&2; }

die() {
	echo "$speaker: $1" >&2
	shift
	for line in "$@"; do echo "       $line" >&2; done
	exit 1
}

# watched WHAT LOG COMMAND... runs a command that takes long, with a line every ten seconds, and
# shows the end of its output only when it fails.
watched() {
	what=$1
	log=$2
	shift 2
	"$@" >"$log" 2>&1 &
	pid=$!
	trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
	begin=$(date +%s)
	next=2
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		spent=$(($(date +%s) - begin))
		if [ "$spent" -ge "$next" ]; then
			say "still at work: $what (${spent} s)"
			next=$((next + 10))
		fi
	done
	trap - INT TERM
	if ! wait "$pid"; then
		tail -n 20 "$log" >&2
		die "failed: $what" "everything it said: $log"
	fi
}

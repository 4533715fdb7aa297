#!/bin/sh
# Installs what Habeas needs beside Go and git. Says nothing when all is there.
#
#   scripts/install-tools.sh            PostgreSQL, MariaDB, Postfix and the Temporal command line
#   scripts/install-tools.sh postgres   only PostgreSQL
#   scripts/install-tools.sh mariadb    only MariaDB
#   scripts/install-tools.sh postfix    only Postfix, with the SASL library's tools for its AUTH
#   scripts/install-tools.sh temporal   only the Temporal command line
#   scripts/install-tools.sh lint       golangci-lint
#
# PostgreSQL, MariaDB and Postfix come from apt and need root or a sudo without a password. The others are built by
# `go install` into .tools/bin of this checkout. It may be run any number of times, also by two
# at once: the second waits.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/.tools/bin
speaker=tools

# The newest version that `go install` can build.
temporal_module=github.com/temporalio/cli/cmd/temporal@v1.5.1
lint_version=2.15.0
lint_module=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$lint_version

# shellcheck source=scripts/watched.sh
. "$root/scripts/watched.sh"

# --- PostgreSQL -----------------------------------------------------------------------------

# At least version 15, as internal/stack/cluster looks for it.
have_postgres() {
	if [ -n "${HABEAS_PG_BIN:-}" ]; then
		[ -x "$HABEAS_PG_BIN/postgres" ] && [ -x "$HABEAS_PG_BIN/initdb" ]
		return
	fi
	for dir in /usr/lib/postgresql/*/bin; do
		major=$(basename "$(dirname "$dir")")
		case $major in *[!0-9]*) continue ;; esac
		if [ "$major" -ge 15 ] && [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then return 0; fi
	done
	path=$(command -v postgres 2>/dev/null) || return 1
	path=$(readlink -f "$path")
	[ -x "$(dirname "$path")/initdb" ]
}

as_root() {
	if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"; else sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

install_postgres() {
	if have_postgres; then return; fi
	command -v apt-get >/dev/null 2>&1 || die "PostgreSQL 15 is missing, and there is no apt-get here" \
		"install PostgreSQL 15 or later by hand, or set HABEAS_PG_BIN to the folder of its binaries"
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		die "PostgreSQL 15 is missing, and installing it needs root" \
			"run: sudo apt-get install --no-install-recommends postgresql-15" \
			"then try again; or set HABEAS_PG_BIN to the folder of its binaries"
	fi
	say "installing PostgreSQL 15 by apt (about 20 seconds)"
	watched "apt-get update" "$logs/apt-update.log" as_root apt-get update
	# Debian's package would make a cluster of its own and start it. The stack brings its own, so
	# that is switched off while we install, and put back after.
	watched "apt-get install postgresql-common" "$logs/apt-common.log" \
		as_root apt-get install -y --no-install-recommends postgresql-common
	conf=/etc/postgresql-common/createcluster.conf
	# A copy that is there already was left by a run that was killed, and is the right one.
	[ -e "$conf.habeas" ] || as_root cp -p "$conf" "$conf.habeas"
	echo "create_main_cluster = false" | as_root tee -a "$conf" >/dev/null
	status=0
	(watched "apt-get install postgresql-15" "$logs/apt-postgresql.log" \
		as_root apt-get install -y --no-install-recommends postgresql-15) || status=$?
	as_root mv "$conf.habeas" "$conf"
	[ "$status" = 0 ] || exit "$status"
	have_postgres || die "apt-get installed postgresql-15, but its binaries are not under /usr/lib/postgresql"
}

# --- MariaDB --------------------------------------------------------------------------------

# At least version 10.11, as internal/stack/mariadb looks for it.
have_mariadb() {
	if [ -n "${HABEAS_MARIADB_BIN:-}" ]; then
		[ -x "$HABEAS_MARIADB_BIN/mariadbd" ] && [ -x "$HABEAS_MARIADB_BIN/mariadb-install-db" ]
		return
	fi
	for dir in /usr/sbin /usr/local/sbin /usr/bin; do
		if [ -x "$dir/mariadbd" ]; then
			command -v mariadb-install-db >/dev/null 2>&1 && command -v my_print_defaults >/dev/null 2>&1 || return 1
			"$dir/mariadbd" --no-defaults --version 2>/dev/null |
				awk 'match($0, /Ver [0-9]+\.[0-9]+/) { split(substr($0, RSTART + 4, RLENGTH - 4), v, "."); exit !(v[1] > 10 || (v[1] == 10 && v[2] >= 11)) }'
			return
		fi
	done
	return 1
}

# As root the server runs as the user mysql. The package with the service would make that user;
# the one with the programs alone does not.
have_mysql_user() { [ "$(id -u)" != 0 ] || getent passwd mysql >/dev/null; }

install_mariadb() {
	if have_mariadb && have_mysql_user; then return; fi
	command -v apt-get >/dev/null 2>&1 || die "MariaDB 10.11 is missing, and there is no apt-get here" \
		"install MariaDB 10.11 or later by hand, or set HABEAS_MARIADB_BIN to the folder of its binaries"
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		die "MariaDB 10.11 is missing, and installing it needs root" \
			"run: sudo apt-get install --no-install-recommends mariadb-server-core mariadb-client-core" \
			"then try again; or set HABEAS_MARIADB_BIN to the folder of its binaries"
	fi
	if ! have_mariadb; then
		say "installing MariaDB 10.11 by apt (about 20 seconds)"
		watched "apt-get update" "$logs/apt-update.log" as_root apt-get update
		# The programs without the service of the package mariadb-server: the stack brings its own
		# server, and nothing is started here, now or at the next boot. mariadb-install-db wants
		# my_print_defaults of the clients.
		watched "apt-get install mariadb-server-core mariadb-client-core" "$logs/apt-mariadb.log" \
			as_root apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core
		have_mariadb || die "apt-get installed mariadb-server-core, but it holds no mariadbd of 10.11 or later"
	fi
	if ! have_mysql_user; then
		# As Debian's mariadb-server makes it, so that this package may still come later.
		useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /bin/false \
			--comment "MariaDB Server" mysql || die "making the user mysql failed"
	fi
}

# --- Postfix --------------------------------------------------------------------------------

# What internal/letters' test of a real peer needs: Postfix, the tool that writes its passwords, and
# the library's PLAIN.
have_postfix() {
	[ -x /usr/sbin/postfix ] && [ -x /usr/sbin/saslpasswd2 ] &&
		[ -n "$(find /usr/lib /usr/lib64 -maxdepth 3 -name 'libplain.so*' -path '*sasl2*' 2>/dev/null | head -n 1)" ]
}

install_postfix() {
	if have_postfix; then return; fi
	command -v apt-get >/dev/null 2>&1 || die "Postfix is missing, and there is no apt-get here" \
		"install Postfix 3.7 or later with Cyrus SASL (saslpasswd2 and the PLAIN mechanism) by hand"
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		die "Postfix is missing, and installing it needs root" \
			"run: sudo apt-get install --no-install-recommends postfix sasl2-bin libsasl2-modules" \
			"and choose \"No configuration\" when asked; then try again"
	fi
	say "installing Postfix by apt (about 20 seconds)"
	watched "apt-get update" "$logs/apt-update.log" as_root apt-get update
	# Without a configuration the package starts nothing, now or at the next boot. A Postfix that is
	# there already keeps its answer and its files.
	if [ ! -e /etc/postfix/main.cf ]; then
		echo "postfix postfix/main_mailer_type select No configuration" | as_root debconf-set-selections
	fi
	watched "apt-get install postfix" "$logs/apt-postfix.log" \
		as_root apt-get install -y --no-install-recommends postfix sasl2-bin libsasl2-modules
	have_postfix || die "apt-get installed postfix and sasl2-bin, but their programs are not where Debian keeps them"
}

# --- Temporal -------------------------------------------------------------------------------

# From 1.5 on. What `go install` builds calls itself 0.0.0-DEV; then its server must be 1.29.
usable_temporal() {
	"$1" --version 2>/dev/null | awk '
		match($0, /version [0-9]+\.[0-9]+/) { split(substr($0, RSTART + 8, RLENGTH - 8), v, ".") }
		match($0, /Server [0-9]+\.[0-9]+/) { split(substr($0, RSTART + 7, RLENGTH - 7), s, ".") }
		END { exit !(v[1] > 1 || (v[1] == 1 && v[2] >= 5) || s[1] > 1 || (s[1] == 1 && s[2] >= 29)) }'
}

have_temporal() {
	if [ -n "${HABEAS_TEMPORAL_CLI:-}" ]; then usable_temporal "$HABEAS_TEMPORAL_CLI" && return 0; fi
	if [ -x "$bin/temporal" ] && usable_temporal "$bin/temporal"; then return 0; fi
	path=$(command -v temporal 2>/dev/null) && usable_temporal "$path"
}

# built NAME MODULE... installs a Go program into .tools/bin.
built() {
	command -v go >/dev/null 2>&1 || die "Go is missing" "install Go 1.26 and try again: https://go.dev/dl/"
	watched "building $1" "$logs/$1.log" env GOBIN="$bin" GOFLAGS= go install "$2"
}

install_temporal() {
	if have_temporal; then return; fi
	say "building the Temporal command line into .tools/bin (about five minutes, once)"
	built temporal "$temporal_module"
	usable_temporal "$bin/temporal" || die ".tools/bin/temporal was built but does not run"
}

install_lint() {
	if [ -x "$bin/golangci-lint" ] && "$bin/golangci-lint" version 2>/dev/null | grep -qF "version v$lint_version"; then return; fi
	if [ -x "$bin/golangci-lint" ] && "$bin/golangci-lint" version 2>/dev/null | grep -qF "version $lint_version"; then return; fi
	say "building golangci-lint into .tools/bin (about three minutes, once)"
	built golangci-lint "$lint_module"
}

# --- all ------------------------------------------------------------------------------------

case ${1:-all} in
all | postgres | mariadb | postfix | temporal | lint) ;;
*)
	say "unknown: $1; use: scripts/install-tools.sh [all|postgres|mariadb|postfix|temporal|lint]"
	exit 2
	;;
esac

logs=$root/.tools/log
mkdir -p "$bin" "$logs"
exec 9>"$root/.tools/lock"
if ! flock -n 9; then
	say "waiting for another run of this script"
	flock 9
fi

case ${1:-all} in
all)
	install_postgres
	install_mariadb
	install_postfix
	install_temporal
	;;
postgres) install_postgres ;;
mariadb) install_mariadb ;;
postfix) install_postfix ;;
temporal) install_temporal ;;
lint) install_lint ;;
esac

#!/bin/sh
# Makes what docker-compose.yml expects beside it: passwords, connection URLs and an empty list of
# approvers. What is there already stays. Run it once before `docker compose up`.
#
#   deploy/prepare.sh [FOLDER]     FOLDER is deploy/ unless given (tests give another)
#
# Each container user reads its files through a bind mount, so the files are readable and the
# folder around them is closed to everybody else.
set -eu

dir=${1:-$(cd "$(dirname "$0")" && pwd)}
secrets=$dir/secrets

mkdir -p "$secrets"
chmod 0700 "$secrets"

# password: 32 hexadecimal digits
password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# put NAME VALUE: writes the file whole
put() {
	printf '%s\n' "$2" >"$secrets/$1.new"
	chmod 0444 "$secrets/$1.new"
	mv "$secrets/$1.new" "$secrets/$1"
}

if [ ! -e "$dir/approvers" ]; then
	: >"$dir/approvers"
	echo "made $dir/approvers: add the first two approvers, one 'NAME ROLE[,ROLE] PUBLIC-KEY' a line (habeas keys new)"
fi

# roles.sql is written last: without it the set is not whole and is made anew.
if [ -e "$secrets/roles.sql" ]; then
	echo "secrets are there already: $secrets"
	exit 0
fi

owner=$(password) worker=$(password) portal=$(password) eraser=$(password) loader=$(password)

put postgres_password "$(password)"
put casefile_owner_url "postgres://habeas_migrator:$owner@postgres:5432/habeas?sslmode=disable"
put casefile_worker_url "postgres://habeas_worker:$worker@postgres:5432/habeas?sslmode=disable"
put casefile_portal_url "postgres://habeas_portal:$portal@postgres:5432/habeas?sslmode=disable"
for system in accounts support; do
	put "${system}_url" "postgres://example_eraser:$eraser@postgres:5432/$system?sslmode=disable"
	put "${system}_owner_url" "postgres://example_owner:$loader@postgres:5432/$system?sslmode=disable"
done
put mariadb_root_password "$(password)"
put billing_url "mysql://example_eraser:$eraser@mariadb:3306/billing?tls=false"
put billing_owner_url "mysql://example_owner:$loader@mariadb:3306/billing?tls=false"
put billing.sql "-- Made by deploy/prepare.sh; MariaDB runs it when its volume is new.
CREATE DATABASE billing CHARACTER SET utf8mb4;
CREATE USER 'example_eraser'@'%' IDENTIFIED BY '$eraser';
GRANT SELECT, UPDATE, DELETE ON billing.* TO 'example_eraser'@'%';
CREATE USER 'example_owner'@'%' IDENTIFIED BY '$loader';
GRANT ALL ON billing.* TO 'example_owner'@'%';"
put roles.sql "-- Made by deploy/prepare.sh; PostgreSQL runs it when its volume is new.
CREATE ROLE habeas_owner NOLOGIN;
CREATE ROLE habeas_app NOLOGIN;
CREATE ROLE habeas_staff NOLOGIN;
CREATE ROLE habeas_migrator LOGIN PASSWORD '$owner' IN ROLE habeas_owner;
CREATE ROLE habeas_worker LOGIN PASSWORD '$worker' IN ROLE habeas_app;
CREATE ROLE habeas_portal LOGIN PASSWORD '$portal' IN ROLE habeas_staff;
CREATE ROLE example_eraser LOGIN PASSWORD '$eraser' IN ROLE pg_read_all_data, pg_write_all_data;
CREATE ROLE example_owner LOGIN PASSWORD '$loader';
CREATE DATABASE habeas OWNER habeas_owner;
CREATE DATABASE accounts OWNER example_owner;
CREATE DATABASE support OWNER example_owner;"
echo "made secrets: $secrets"

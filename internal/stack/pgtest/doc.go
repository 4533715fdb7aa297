// Package pgtest gives tests a real PostgreSQL: one private cluster for each test process, made
// by the first call of URL, in a temporary folder, on a free port of 127.0.0.1, and a fresh empty
// database for each call.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestRows(t *testing.T) {
//		t.Parallel()
//		db, err := sql.Open("postgres", pgtest.URL(t))
//		…
//	}
//
// It promises that nothing is left running: Main stops the cluster, and the kernel stops it when
// the test process is killed. A folder left by a killed process is removed by the next one.
// Durability is off: a killed *machine* loses data here, a killed server (Restart) does not.
package pgtest
